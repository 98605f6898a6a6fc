package smartwatts;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * From scores to alerts that do not repeat themselves. An alert starts at an hour that is loud and reaches the
 * home's limit, and goes on while scores stay near that, with pauses; after two days it has been said; and for
 * four weeks one of the same family has to be odder. The limit is the file's threshold and what lies above it:
 * more with each alert, less with each hour. A slow rise is told where no alert goes on; within two weeks the next
 * has to go above it. Where the file asks for no quiet, each run of loud hours is one.
 *
 * <p>Scores are compared as nines (0.999 is 3).
 */
final class AlertPolicy {
    private static final double EASE = 0.5;
    private static final int GAP = 3;
    private static final int LONGEST = 48;
    private static final int MEMORY = 28 * 24;
    private static final double MARGIN = 0.3;
    private static final int RISES = 14 * 24;
    private static final double HIGHER = 0.5;

    /** How the limit of a home moves above the threshold, in nines; as it is in files that do not say. */
    static final class Limit {
        static final Limit FIXED = new Limit(0, 0, 0);

        private final double step;
        private final double fall;
        private final double most;

        Limit(double step, double fall, double most) {
            this.step = step;
            this.fall = fall;
            this.most = most;
        }

        static Limit of(ModelDetails details) throws IOException {
            return details.has("limit")
                    ? new Limit(number(details, "step"), number(details, "fall"), number(details, "most"))
                    : FIXED;
        }

        private static double number(ModelDetails details, String name) throws IOException {
            double value = details.number("limit", name);
            if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
                throw new IOException("limit." + name + " is " + value + ", and has to be 0 or more");
            }
            return value;
        }
    }

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
    private final Limit limit;
    private final List<Told> past = new ArrayList<>();
    private Told now;
    private double begunAt; // the limit that it started at
    private double above; // the threshold, at the hour raisedAt
    private long raisedAt;
    private long risenAt = Long.MIN_VALUE; // the first hour of the last slow rise
    private double risenBy; // at its highest
    private boolean rising;
    private int number;

    AlertPolicy(boolean quiet, double threshold, Limit limit) {
        this.quiet = quiet;
        this.threshold = threshold;
        this.limit = limit;
        this.begunAt = threshold;
    }

    /** Of a file. */
    static AlertPolicy of(ModelDetails details) throws IOException {
        boolean quiet = !details.has("quiet_repeats") || details.flag("quiet_repeats");
        return new AlertPolicy(quiet, nines(details.number("threshold")), Limit.of(details));
    }

    /** A score in 0..1 as the power of ten of its rarity. */
    static double nines(double score) {
        return -Math.log10(Math.max(1 - score, 1e-9)) + 0.0;
    }

    /** Number of the alert that an hour belongs to, from 1 on, 0 for none; hours come in their order. */
    int hour(long hour, boolean loud, double rarity, int family) {
        return quiet ? quietly(hour, loud, rarity, family) : plainly(hour, loud, rarity, family);
    }

    /** The same of an hour of a slow rise, by so much; ask after {@link #hour}, which comes first. */
    int risen(long hour, double by) {
        if (!quiet || now != null) {
            return 0;
        }
        if (rising && hour - risenAt < LONGEST) {
            risenBy = Math.max(risenBy, by);
            return number;
        }
        if (risenAt != Long.MIN_VALUE && hour - risenAt < RISES && by < risenBy + HIGHER) {
            return 0;
        }
        risenAt = hour;
        risenBy = by;
        rising = true;
        return ++number;
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
        if (now != null && hour - now.last > GAP + 1) {
            past.add(now);
            now = null;
        }
        if (now == null) {
            return loud ? start(hour, rarity, family) : 0;
        }
        if (!(rarity >= begunAt - EASE)) {
            return 0;
        }
        now.last = hour;
        if (hour - now.start >= LONGEST) {
            return 0;
        }
        now.peak = rarity > now.peak ? rarity : now.peak;
        return number;
    }

    private int start(long hour, double rarity, int family) {
        past.removeIf(alert -> hour - alert.last >= MEMORY);
        // A file before this one may have let it rise higher.
        double raised = Math.min(Math.max(above - limit.fall * (hour - raisedAt), 0), limit.most);
        if (!(rarity >= needed(hour, family, raised))) {
            return 0;
        }
        now = new Told(hour, hour, rarity, family);
        begunAt = threshold + raised;
        above = Math.min(raised + limit.step, limit.most);
        raisedAt = hour;
        rising = false;
        return ++number;
    }

    private double needed(long hour, int family, double raised) {
        double needed = raised > 0 ? threshold + raised : Double.NEGATIVE_INFINITY;
        for (Told alert : past) {
            if (alert.family == family) {
                double share = 1 - (hour - alert.last) / (double) MEMORY;
                needed = Math.max(needed, threshold + (alert.peak + MARGIN - threshold) * share);
            }
        }
        return needed;
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

    /** What follows the home; apart, since states of before there were limits end without it. */
    void writeLimit(DataOutputStream out) throws IOException {
        out.writeDouble(begunAt);
        out.writeDouble(above);
        out.writeLong(raisedAt);
        out.writeLong(risenAt);
        out.writeDouble(risenBy);
        out.writeBoolean(rising);
    }

    void readLimit(DataInputStream in) throws IOException {
        begunAt = in.readDouble();
        above = in.readDouble();
        raisedAt = in.readLong();
        risenAt = in.readLong();
        risenBy = in.readDouble();
        rising = in.readBoolean();
    }
}
