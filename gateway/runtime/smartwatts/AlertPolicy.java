package smartwatts;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * From scores to alerts that do not repeat themselves. An alert starts at an hour that is loud and goes on while
 * scores stay near the threshold, with pauses; after two days it has been said; and for four weeks one of the
 * same family has to be odder. Where the file asks for no quiet, each run of loud hours is one.
 *
 * <p>Scores are compared as nines (0.999 is 3). The threshold is the file's; limits that follow a home would come
 * in here, hour by hour, in its place.
 */
final class AlertPolicy {
    private static final double EASE = 0.5;
    private static final int GAP = 3;
    private static final int LONGEST = 48;
    private static final int MEMORY = 28 * 24;
    private static final double MARGIN = 0.3;

    private static final class Told {
        private final long start;
        private long last;
        private double peak;
        private final int family;

        private Told(long start, long last, double peak, int family) {
            this.start = start;
            this.last = last;
            this.peak = peak;
            this.family = family;
        }
    }

    private final boolean quiet;
    private final double threshold;
    private final List<Told> past = new ArrayList<>();
    private Told now;
    private int number;

    AlertPolicy(boolean quiet, double threshold) {
        this.quiet = quiet;
        this.threshold = threshold;
    }

    /** A score in 0..1 as the power of ten of its rarity. */
    static double nines(double score) {
        return -Math.log10(Math.max(1 - score, 1e-9)) + 0.0;
    }

    /** Number of the alert that an hour belongs to, from 1 on, 0 for none; hours come in their order. */
    int hour(long hour, boolean loud, double rarity, int family) {
        return quiet ? quietly(hour, loud, rarity, family) : plainly(hour, loud, rarity, family);
    }

    private int plainly(long hour, boolean loud, double rarity, int family) {
        if (!loud) {
            now = null;
            return 0;
        }
        if (now == null || hour - now.last != 1) {
            number++;
        }
        now = new Told(hour, hour, rarity, family);
        return number;
    }

    private int quietly(long hour, boolean loud, double rarity, int family) {
        if (!loud && !(rarity >= threshold - EASE)) {
            return 0;
        }
        if (now != null && hour - now.last > GAP + 1) {
            past.add(now);
            now = null;
        }
        if (now == null) {
            return loud && isNews(hour, rarity, family) ? start(hour, rarity, family) : 0;
        }
        now.last = hour;
        if (hour - now.start >= LONGEST) {
            return 0;
        }
        now.peak = rarity > now.peak ? rarity : now.peak;
        return number;
    }

    private int start(long hour, double rarity, int family) {
        now = new Told(hour, hour, rarity, family);
        return ++number;
    }

    private boolean isNews(long hour, double rarity, int family) {
        past.removeIf(alert -> hour - alert.last >= MEMORY);
        double needed = Double.NEGATIVE_INFINITY;
        for (Told alert : past) {
            if (alert.family == family) {
                double share = 1 - (hour - alert.last) / (double) MEMORY;
                needed = Math.max(needed, threshold + (alert.peak + MARGIN - threshold) * share);
            }
        }
        return rarity >= needed;
    }

    void write(DataOutputStream out) throws IOException {
        out.writeInt(number);
        out.writeBoolean(now != null);
        out.writeInt(past.size());
        for (Told alert : past) {
            write(alert, out);
        }
        if (now != null) {
            write(now, out);
        }
    }

    private static void write(Told alert, DataOutputStream out) throws IOException {
        out.writeLong(alert.start);
        out.writeLong(alert.last);
        out.writeDouble(alert.peak);
        out.writeInt(alert.family);
    }

    void read(DataInputStream in) throws IOException {
        number = in.readInt();
        boolean going = in.readBoolean();
        for (int left = in.readInt(); left > 0; left--) {
            past.add(readTold(in));
        }
        now = going ? readTold(in) : null;
    }

    private static Told readTold(DataInputStream in) throws IOException {
        return new Told(in.readLong(), in.readLong(), in.readDouble(), in.readInt());
    }
}
