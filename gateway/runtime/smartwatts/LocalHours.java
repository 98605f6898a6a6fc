package smartwatts;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.ZoneId;
import java.util.Map;
import java.util.TreeMap;

/**
 * The ring buffer of a home's hours, as contract 2 of forecasting and anomaly detection has them: hours of the
 * wall clock; one that the clock skips is missing, one that it repeats is the mean of both times. Holds so many
 * hours with readings and a day of spare ones.
 */
public final class LocalHours {
    private static final int SPARE = WallClock.DAY_H;
    private static final double LONGEST_S = 1.1 * WallClock.HOUR_S;
    private static final long NEVER = Long.MIN_VALUE;

    /** Energy (W s) and time (s) of one hour of the wall clock. */
    private static final class Sum {
        private double energy;
        private double seconds;
    }

    private final WallClock clock;
    private final int capacity;
    private final TreeMap<Long, Sum> hours = new TreeMap<>();
    private long forgotten = NEVER; // the newest hour that had to go

    /** A ring of so many hours (672) of a home in a zone. */
    public LocalHours(ZoneId zone, int capacity) {
        this.clock = new WallClock(zone);
        this.capacity = capacity;
    }

    public WallClock clock() {
        return clock;
    }

    /**
     * Mean power (or another mean, such as of a temperature) from {@code start} to {@code end}, seconds since the
     * epoch, UTC; in any order, each once. NaN says nothing. Throws IllegalArgumentException for a reading that
     * is too long to tell hours apart.
     */
    public void add(long start, long end, double mean) {
        if (end <= start || end - start > LONGEST_S || Double.isInfinite(mean)) {
            throw new IllegalArgumentException("no reading of an hour or less: " + mean + " from " + start + " to "
                    + end);
        }
        long next;
        for (long at = Double.isNaN(mean) ? end : start; at < end; at = next) {
            long hour = clock.hourAt(at);
            next = Math.min(end, clock.partEnd(at));
            if (hour > forgotten) {
                Sum sum = hours.computeIfAbsent(hour, key -> new Sum());
                sum.energy += mean * (next - at);
                sum.seconds += next - at;
            }
        }
        while (hours.size() > capacity + SPARE) {
            forgotten = hours.pollFirstEntry().getKey();
        }
    }

    /** The first hour that is not over yet, for the last time: the first that a forecast is of. */
    public long next(long now) {
        return clock.next(now);
    }

    /** W of an hour; NaN where readings cover less than half of the time that it has. */
    public float mean(long hour) {
        Sum sum = hours.get(hour);
        return sum == null || sum.seconds * 2 < clock.seconds(hour) ? Float.NaN : (float) (sum.energy / sum.seconds);
    }

    /**
     * {@code history_w}: W of so many hours before {@code end}, oldest first, NaN where missing. Throws
     * IllegalStateException for hours that were here and had to go.
     */
    public float[] history(long end, int count) {
        if (end - count <= forgotten) {
            throw new IllegalStateException("a ring of " + capacity + " hours no longer has " + count + " that end a "
                    + "day or more before the newest");
        }
        float[] history = new float[count];
        for (int i = 0; i < count; i++) {
            history[i] = mean(end - count + i);
        }
        return history;
    }

    /** The first hour with readings of which so many hours of history are still here. */
    long firstWhole(int count) {
        return forgotten == NEVER ? firstHour() : Math.max(firstHour(), forgotten + count);
    }

    private long firstHour() {
        return hours.isEmpty() ? Long.MAX_VALUE : hours.firstKey();
    }

    /** What survives a restart. */
    public byte[] state() {
        return State.write(name(), this::write);
    }

    /** A ring as it was. Throws IOException where the state is damaged, or of another ring or zone. */
    public static LocalHours restore(ZoneId zone, int capacity, byte[] state) throws IOException {
        LocalHours ring = new LocalHours(zone, capacity);
        return State.read(ring.name(), state, ring::read);
    }

    private String name() {
        return "local hours 1 of " + clock.zone + ", " + capacity;
    }

    private void write(DataOutputStream out) throws IOException {
        out.writeLong(forgotten);
        out.writeInt(hours.size());
        for (Map.Entry<Long, Sum> hour : hours.entrySet()) {
            out.writeLong(hour.getKey());
            out.writeDouble(hour.getValue().energy);
            out.writeDouble(hour.getValue().seconds);
        }
    }

    private LocalHours read(DataInputStream in) throws IOException {
        forgotten = in.readLong();
        int count = in.readInt();
        for (int i = 0; i < count; i++) {
            Sum sum = new Sum();
            hours.put(in.readLong(), sum);
            sum.energy = in.readDouble();
            sum.seconds = in.readDouble();
        }
        return this;
    }
}
