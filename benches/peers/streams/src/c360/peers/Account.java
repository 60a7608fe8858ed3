package c360.peers;

import java.util.Arrays;

/**
 * An account's rolling state: a ring of 90 days (sum per kind, and users whose last active day it is), running sums of
 * 1, 7, 28 and 90 days per kind, exact distinct active users of the same windows. Stored sparse, with varints.
 * One instance is reused for all rows (load, apply, store).
 */
final class Account {
    static final int DAYS = 90;
    static final int KINDS = 4;
    static final int[] WINDOWS = {1, 7, 28, 90};

    long lastSeen;
    long events;
    int lastDay = -1;
    int state; // 1: usage has dropped
    int firstDay;
    final long[] ring = new long[DAYS * KINDS];
    final int[] users = new int[DAYS];
    final long[] sums = new long[WINDOWS.length * KINDS];
    final int[] active = new int[WINDOWS.length];
    private byte[] out = new byte[8192];
    private int p;

    void clear() {
        lastSeen = 0;
        events = 0;
        lastDay = -1;
        state = 0;
        firstDay = 0;
        Arrays.fill(ring, 0);
        Arrays.fill(users, 0);
        Arrays.fill(sums, 0);
        Arrays.fill(active, 0);
    }

    void load(byte[] row) {
        clear();
        if (row == null) {
            return;
        }
        p = 0;
        lastSeen = get(row);
        events = get(row);
        lastDay = (int) get(row);
        firstDay = (int) get(row);
        state = (int) get(row);
        for (int i = 0; i < sums.length; i++) {
            sums[i] = get(row);
        }
        for (int i = 0; i < active.length; i++) {
            active[i] = (int) get(row);
        }
        int day = lastDay;
        while (p < row.length) {
            day -= (int) get(row);
            int slot = day % DAYS;
            int mask = row[p++];
            for (int k = 0; k < KINDS; k++) {
                if ((mask & 1 << k) != 0) {
                    ring[slot * KINDS + k] = get(row);
                }
            }
            if ((mask & 16) != 0) {
                users[slot] = (int) get(row);
            }
        }
    }

    byte[] store() {
        p = 0;
        put(lastSeen);
        put(events);
        put(lastDay);
        put(firstDay);
        put(state);
        for (long s : sums) {
            put(s);
        }
        for (int a : active) {
            put(a);
        }
        int prev = lastDay;
        for (int back = 0; back < DAYS && back <= lastDay; back++) {
            int day = lastDay - back;
            int slot = day % DAYS;
            int mask = users[slot] != 0 ? 16 : 0;
            for (int k = 0; k < KINDS; k++) {
                if (ring[slot * KINDS + k] != 0) {
                    mask |= 1 << k;
                }
            }
            if (mask == 0) {
                continue;
            }
            put(prev - day);
            prev = day;
            out[p++] = (byte) mask;
            for (int k = 0; k < KINDS; k++) {
                if ((mask & 1 << k) != 0) {
                    put(ring[slot * KINDS + k]);
                }
            }
            if ((mask & 16) != 0) {
                put(users[slot]);
            }
        }
        return Arrays.copyOf(out, p);
    }

    /** Moves the newest day to {@code day}, taking out what leaves each window. */
    void roll(int day) {
        if (lastDay < 0) {
            lastDay = firstDay = day;
            return;
        }
        if (day - lastDay >= DAYS) {
            Arrays.fill(ring, 0);
            Arrays.fill(users, 0);
            Arrays.fill(sums, 0);
            Arrays.fill(active, 0);
            lastDay = day;
            return;
        }
        for (int d = lastDay + 1; d <= day; d++) {
            for (int w = 0; w < WINDOWS.length; w++) {
                int gone = d - WINDOWS[w];
                if (gone < 0) {
                    continue;
                }
                int slot = gone % DAYS;
                for (int k = 0; k < KINDS; k++) {
                    sums[w * KINDS + k] -= ring[slot * KINDS + k];
                }
                active[w] -= users[slot];
            }
            int slot = d % DAYS;
            for (int k = 0; k < KINDS; k++) {
                ring[slot * KINDS + k] = 0;
            }
            users[slot] = 0;
        }
        lastDay = day;
    }

    void add(int day, int kind, long amount) {
        int age = lastDay - day;
        if (age >= DAYS) {
            return;
        }
        ring[day % DAYS * KINDS + kind] += amount;
        for (int w = 0; w < WINDOWS.length; w++) {
            if (age < WINDOWS[w]) {
                sums[w * KINDS + kind] += amount;
            }
        }
    }

    void addUser(int day, int n) {
        int age = lastDay - day;
        if (age >= DAYS) {
            return;
        }
        users[day % DAYS] += n;
        for (int w = 0; w < WINDOWS.length; w++) {
            if (age < WINDOWS[w]) {
                active[w] += n;
            }
        }
    }

    /** Usage of the 28 days before the last 7. */
    long preceding28() {
        long s = 0;
        for (int back = 7; back < 35 && back <= lastDay; back++) {
            s += ring[(lastDay - back) % DAYS * KINDS];
        }
        return s;
    }

    private void put(long v) {
        if (p + 10 > out.length) {
            out = Arrays.copyOf(out, out.length * 2);
        }
        while ((v & ~0x7fL) != 0) {
            out[p++] = (byte) (v | 0x80);
            v >>>= 7;
        }
        out[p++] = (byte) v;
    }

    private long get(byte[] b) {
        long v = 0;
        int shift = 0;
        while (true) {
            byte x = b[p++];
            v |= (long) (x & 0x7f) << shift;
            if (x >= 0) {
                return v;
            }
            shift += 7;
        }
    }
}
