package c360.peers;

import java.util.Arrays;

/**
 * What the processors use of one c360 event (schemas/avro/event.avsc behind Confluent's prefix): places in its bytes, nothing
 * copied. One instance is reused for all records of its owner.
 */
final class Event {
    static final long DAY = 86_400_000L;
    /** Schema id of events; other records that stand in the topic (ticks) have others. */
    private static final int SCHEMA = 1;
    private static final int PREFIX = 5;
    /** Length of what the properties begin with: <code>{"amount":</code>. */
    private static final int AMOUNT = 10;

    private byte[] bytes;
    private int at;
    int messageId;
    int messageIdLength;
    int userId;
    int userIdLength;
    int kind;
    long occurredAt;
    long amount;

    /** Reads the value of a record; false where it is not an event. Broken bytes throw. */
    boolean read(byte[] value) {
        if (value.length < PREFIX || value[0] != 0 || value[4] != SCHEMA || (value[1] | value[2] | value[3]) != 0) {
            return false;
        }
        bytes = value;
        at = PREFIX;
        messageIdLength = length();
        messageId = pass(messageIdLength);
        pass(length()); // tenant
        skipOptional(); // account: the record's key has both
        skipForeignIds();
        userIdLength = varint() == 0 ? 0 : length();
        userId = pass(userIdLength);
        skipOptional(); // anonymous id
        kind = (int) varint();
        pass(length()); // name
        occurredAt = varint();
        varint(); // received at
        pass(length()); // source
        if (varint() != 0) {
            throw new IllegalStateException("a payload, which no event of this benchmark has");
        }
        amount = amount(length());
        return true;
    }

    /** A copy of the message id; 16 bytes where it is a UUID. */
    byte[] messageId() {
        byte[] b = bytes;
        if (messageIdLength == 36) {
            byte[] out = new byte[16];
            int o = 0;
            for (int i = messageId; i < messageId + 36; i++) {
                int c = b[i];
                if (c == '-') {
                    continue;
                }
                int v = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
                if (v < 0 || v > 15 || o >= 32) {
                    return Arrays.copyOfRange(b, messageId, messageId + 36);
                }
                out[o >> 1] |= (byte) (o % 2 == 0 ? v << 4 : v);
                o++;
            }
            return out;
        }
        return Arrays.copyOfRange(b, messageId, messageId + messageIdLength);
    }

    String messageIdText() {
        return new String(bytes, messageId, messageIdLength, java.nio.charset.StandardCharsets.UTF_8);
    }

    /** The key of the user's row: the account's key, a zero, the user. */
    byte[] userKey(byte[] accountKey) {
        byte[] out = Arrays.copyOf(accountKey, accountKey.length + 1 + userIdLength);
        System.arraycopy(bytes, userId, out, accountKey.length + 1, userIdLength);
        return out;
    }

    private long amount(int length) {
        long n = 0;
        for (int i = at + AMOUNT; i < at + length && bytes[i] >= '0' && bytes[i] <= '9'; i++) {
            n = n * 10 + bytes[i] - '0';
        }
        return n;
    }

    private void skipOptional() {
        if (varint() != 0) {
            pass(length());
        }
    }

    private void skipForeignIds() {
        for (long n = varint(); n != 0; n = varint()) {
            if (n < 0) {
                varint(); // the block's length
                n = -n;
            }
            for (long i = 0; i < 2 * n; i++) {
                pass(length());
            }
        }
    }

    private int length() {
        return (int) varint();
    }

    /** Moves on, and tells where it was. */
    private int pass(int length) {
        int was = at;
        at += length;
        if (length < 0 || at > bytes.length) {
            throw new IllegalStateException("cut short");
        }
        return was;
    }

    private long varint() {
        long z = 0;
        for (int shift = 0;; shift += 7) {
            byte x = bytes[at++];
            z |= (long) (x & 0x7f) << shift;
            if (x >= 0) {
                return z >>> 1 ^ -(z & 1);
            }
        }
    }
}
