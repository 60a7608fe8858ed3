package c360.peers;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/** Processor API: one row per account, dedup by message id over 8 days, exact distinct active users. */
final class ArmA {
    static Topology topology(long minUsage, String in, String out) {
        Topology t = new Topology();
        t.addSource("events", new ByteArrayDeserializer(), new ByteArrayDeserializer(), in);
        t.addProcessor("c360", () -> new Rollup(minUsage), "events");
        String cached = System.getProperty("cache", "accounts"); // which stores get Streams' record cache
        for (String name : new String[] {"accounts", "users"}) {
            StoreBuilder<KeyValueStore<Bytes, byte[]>> b =
                Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), Serdes.Bytes(), Serdes.ByteArray());
            t.addStateStore(cached.contains(name) ? b.withCachingEnabled() : b.withCachingDisabled(), "c360");
        }
        // The day of the event is the window's start, so a lookup is one get in one segment; old segments are dropped
        // whole. No cache: each id is written once.
        t.addStateStore(Stores.windowStoreBuilder(
            Stores.persistentWindowStore("seen", Duration.ofDays(8), Duration.ofDays(1), false), Serdes.Bytes(), Serdes.ByteArray())
            .withCachingDisabled(), "c360");
        t.addSink("alerts", out, new ByteArraySerializer(), new ByteArraySerializer(), "c360");
        return t;
    }

    static final class Rollup implements Processor<byte[], byte[], byte[], byte[]> {
        private static final byte[] ONE = {1};
        private final long minUsage;
        private final Event e = new Event();
        private final Account a = new Account();
        private ProcessorContext<byte[], byte[]> ctx;
        private KeyValueStore<Bytes, byte[]> accounts;
        private KeyValueStore<Bytes, byte[]> users;
        private WindowStore<Bytes, byte[]> seen;

        Rollup(long minUsage) {
            this.minUsage = minUsage;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> ctx) {
            this.ctx = ctx;
            accounts = ctx.getStateStore("accounts");
            users = ctx.getStateStore("users");
            seen = ctx.getStateStore("seen");
        }

        @Override
        public void process(Record<byte[], byte[]> r) {
            try {
                if (!e.read(r.value())) {
                    return; // a tick
                }
            } catch (RuntimeException broken) {
                return; // a dead-letter topic would take it; none is broken here
            }
            int day = (int) (e.occurredAt / Event.DAY);
            long dayStart = day * Event.DAY;
            Bytes id = Bytes.wrap(e.messageId());
            if (seen.fetch(id, dayStart) != null) {
                return;
            }
            seen.put(id, ONE, dayStart);

            Bytes key = Bytes.wrap(r.key());
            a.load(accounts.get(key));
            a.events++;
            a.lastSeen = Math.max(a.lastSeen, e.occurredAt);
            if (day > a.lastDay) {
                a.roll(day);
            }
            a.add(day, e.kind, e.amount);

            Bytes user = Bytes.wrap(e.userKey(r.key()));
            byte[] last = users.get(user);
            int lastDay = last == null ? -1 : ByteBuffer.wrap(last).getInt();
            if (day > lastDay) {
                if (lastDay >= 0) {
                    a.addUser(lastDay, -1);
                }
                a.addUser(day, 1);
                users.put(user, ByteBuffer.allocate(4).putInt(day).array());
            }

            long before = a.preceding28();
            long week = a.sums[Account.KINDS]; // 7 days, usage
            if (a.state == 0) {
                if (before >= minUsage && week * 8 < before && a.lastDay - a.firstDay >= 35) {
                    a.state = 1;
                    byte[] alert = ("{\"rule\":\"usage-drop\",\"account\":\"" + new String(r.key(), StandardCharsets.UTF_8) + "\",\"message\":\"" + e.messageIdText() + "\",\"at\":"
                        + e.occurredAt + ",\"week\":" + week + ",\"before\":" + before + ",\"active7\":" + a.active[1] + "}")
                        .getBytes(StandardCharsets.UTF_8);
                    ctx.forward(r.withValue(alert));
                }
            } else if (week * 16 >= before * 3) {
                a.state = 0;
            }
            accounts.put(key, a.store());
        }
    }
}
