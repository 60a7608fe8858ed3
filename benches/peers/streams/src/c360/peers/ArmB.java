package c360.peers;

import java.nio.ByteBuffer;
import java.time.Duration;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.TimestampExtractor;

/** DSL: four hopping windows (1, 7, 28, 90 days, advance 1 day), counts and sums per kind; an alert from the 7 days. */
final class ArmB {
    record Ev(int kind, long amount, long occurredAt) { }

    static final class Stats {
        final long[] counts = new long[4];
        final long[] sums = new long[4];

        Stats add(Ev e) {
            counts[e.kind]++;
            sums[e.kind] += e.amount;
            return this;
        }
    }

    static final class EvDe implements Deserializer<Ev> {
        // one deserializer object serves all stream threads
        private final ThreadLocal<Event> event = ThreadLocal.withInitial(Event::new);

        @Override
        public Ev deserialize(String topic, byte[] b) {
            Event e = event.get();
            return e.read(b) ? new Ev(e.kind, e.amount, e.occurredAt) : null;
        }
    }

    static final class ByOccurredAt implements TimestampExtractor {
        @Override
        public long extract(ConsumerRecord<Object, Object> r, long partitionTime) {
            return r.value() == null ? partitionTime : ((Ev) r.value()).occurredAt();
        }
    }

    static Topology topology(String in, String out) {
        Serde<Ev> ev = Serdes.serdeFrom((Serializer<Ev>) (t, x) -> { throw new UnsupportedOperationException(); }, new EvDe());
        Serde<Stats> stats = Serdes.serdeFrom(
            (t, s) -> {
                if (s == null) {
                    return null;
                }
                ByteBuffer b = ByteBuffer.allocate(64);
                for (int i = 0; i < 4; i++) {
                    b.putLong(s.counts[i]).putLong(s.sums[i]);
                }
                return b.array();
            },
            (t, d) -> {
                if (d == null) {
                    return null;
                }
                Stats s = new Stats();
                ByteBuffer b = ByteBuffer.wrap(d);
                for (int i = 0; i < 4; i++) {
                    s.counts[i] = b.getLong();
                    s.sums[i] = b.getLong();
                }
                return s;
            });
        StreamsBuilder b = new StreamsBuilder();
        KGroupedStream<String, Ev> byAccount = b
            .stream(in, Consumed.with(Serdes.String(), ev).withTimestampExtractor(new ByOccurredAt()))
            .groupByKey();
        for (int days : new int[] {1, 7, 28, 90}) {
            KTable<Windowed<String>, Stats> table = byAccount
                .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofDays(days), Duration.ofDays(2)).advanceBy(Duration.ofDays(1)))
                .aggregate(Stats::new, (k, e, s) -> s.add(e),
                    Materialized.<String, Stats, org.apache.kafka.streams.state.WindowStore<org.apache.kafka.common.utils.Bytes, byte[]>>as("w" + days)
                        .withKeySerde(Serdes.String()).withValueSerde(stats));
            if (days == 7) {
                table.toStream()
                    .filter((k, s) -> s.counts[1] == 3)
                    .map((k, s) -> KeyValue.pair(k.key(), "{\"rule\":\"support-surge\",\"account\":\"" + k.key() + "\",\"window\":" + k.window().start() + "}"))
                    .to(out, Produced.with(Serdes.String(), Serdes.String()));
            }
        }
        return b.build();
    }
}
