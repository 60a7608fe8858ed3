package c360.peers;

import java.util.Properties;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;

/** java -Darm=a|b -Dbootstrap=.. -Dapp=.. -Dstate=.. c360.peers.Main ; any -Ds.NAME=VALUE goes to Streams as it is. */
public final class Main {
    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getProperty("app", "c360-peers"));
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getProperty("bootstrap", "127.0.0.1:19092"));
        p.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("state"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "100");
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, "2");
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, String.valueOf(256L << 20));
        p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, Bounded.class.getName());
        p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, "5000");
        p.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        p.put("consumer.auto.offset.reset", "earliest");
        p.put("consumer.max.poll.records", "5000");
        p.put("consumer.max.partition.fetch.bytes", String.valueOf(4 << 20));
        p.put("consumer.fetch.max.bytes", String.valueOf(32 << 20));
        p.put("consumer.check.crcs", "false");
        p.put("producer.batch.size", String.valueOf(256 << 10));
        p.put("producer.linger.ms", "100");
        p.put("producer.compression.type", "lz4");
        p.put("producer.buffer.memory", String.valueOf(128L << 20));
        for (String n : System.getProperties().stringPropertyNames()) {
            if (n.startsWith("s.")) {
                p.put(n.substring(2), System.getProperty(n));
            }
        }
        String in = System.getProperty("in", "events");
        String out = System.getProperty("out", "alerts");
        Topology t = System.getProperty("arm", "a").equals("a")
            ? ArmA.topology(Long.getLong("min.usage", 600), in, out)
            : ArmB.topology(in, out);
        KafkaStreams ks = new KafkaStreams(t, p);
        ks.setUncaughtExceptionHandler(x -> {
            x.printStackTrace();
            return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        long t0 = System.currentTimeMillis();
        ks.setStateListener((now, old) -> {
            System.out.println((System.currentTimeMillis() - t0) + " ms " + old + " -> " + now);
            if (now == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(1);
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> ks.close(java.time.Duration.ofSeconds(20))));
        ks.start();
        Thread.currentThread().join();
    }
}
