package smartwatts;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.LocalDate;
import java.time.format.TextStyle;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The hours of one alert with those before it: what it looks like, how grave it is, and a sentence about it. */
final class AlertWindow {
    /** Types of anomaly, in the order of a file's {@code likeness}. */
    static final List<String> TYPES = Arrays.asList("spike", "outage", "stuck", "creep", "shift", "high", "scale");

    static final int CREEP = TYPES.indexOf("creep");

    private static final int[] FAMILIES = {0, 1, 2, 0, 2, 0, 3}; // more, less, shape, scale: of each type
    private static final List<String> RISES = Arrays.asList("spike", "creep", "high");
    private static final double HIGH = 1.5; // nines above the threshold
    private static final double MEDIUM = 0.5;
    private static final double MATTERS = 0.05; // of a usual day's energy, for more than medium
    private static final double OFF_W = 1;
    private static final double LEAST_RISE = 0.1; // of the base load: less is no creep
    private static final int STILL_HOURS = 4;
    private static final double STILL = 0.02; // of the mean: the last hours of a meter that is stuck stay within
    private static final double BASE = 0.1; // quantile of a day that is its base load
    private static final int FULL_DAY = 18; // hours that make a day count
    private static final int RISING = 7; // days that a slow rise may take
    private static final int PAST_DAYS = 28;
    private static final int LEAST_PAST = 5; // days to compare with
    private static final int MANY_HOURS = 48; // are told in days

    /** An hour with a reading: real hours that it lasts, W, and W that are usual. */
    static final class Hour {
        final long hour;
        final double lasting;
        final float watts;
        final float usual;

        Hour(long hour, double lasting, float watts, float usual) {
            this.hour = hour;
            this.lasting = lasting;
            this.watts = watts;
            this.usual = usual;
        }
    }

    /** Base load of the last day and of the weeks before, W, and the day since which it is nearer to the former. */
    private static final class BaseLoad {
        private final double now;
        private final double before;
        private final LocalDate since;

        private BaseLoad(double now, double before, LocalDate since) {
            this.now = now;
            this.before = before;
            this.since = since;
        }

        private double rise() {
            return (now - before) / Math.max(Math.abs(before), 1);
        }
    }

    /** A reading that stayed at so many watts for so many hours, some of them before the alert. */
    private static final class Stuck {
        private final double watts;
        private final int hours;

        private Stuck(double watts, int hours) {
            this.watts = watts;
            this.hours = hours;
        }
    }

    private final List<Hour> hours;
    private final int first;
    private final long start;
    private final long last;
    private final Stuck stuck;
    private final BaseLoad baseLoad;
    private double power; // means over the alert, W
    private double usual;
    private double least = Double.POSITIVE_INFINITY;
    private double farthest; // from 0
    private double energy;
    private Hour top;

    /** {@code hours}: up to the alert's last; {@code start}: its first. */
    AlertWindow(List<Hour> hours, long start) {
        this.hours = hours;
        this.start = start;
        last = hours.get(hours.size() - 1).hour;
        int before = 0;
        while (hours.get(before).hour < start) {
            before++;
        }
        first = before;
        top = hours.get(first);
        int count = hours.size() - first;
        for (Hour hour : hours.subList(first, hours.size())) {
            power += hour.watts / (double) count;
            usual += hour.usual / (double) count;
            least = Math.min(least, hour.watts);
            farthest = Math.max(farthest, Math.abs(hour.watts));
            energy += (hour.watts - hour.usual) * hour.lasting / 1000;
            top = hour.watts - hour.usual > top.watts - top.usual ? hour : top;
        }
        stuck = findStuck();
        baseLoad = findBaseLoad();
    }

    /** Family of the likeliest type. */
    static int family(float[] likeness) {
        int likeliest = 0;
        for (int i = 0; i < likeness.length; i++) {
            if (Float.isNaN(likeness[i])) {
                return FAMILIES[i];
            }
            likeliest = likeness[i] > likeness[likeliest] ? i : likeliest;
        }
        return FAMILIES[likeliest];
    }

    /** kWh above what is usual; below it, negative. */
    double energy() {
        return energy;
    }

    /** The type it looks like most, among those that fit what the readings do. */
    String kind(double[] likeness) {
        if (energy < 0 && farthest < OFF_W) {
            return "outage";
        }
        double[] likely = likeness.clone();
        if (stuck == null) { // little happens, yet the readings move: a lull
            likely[TYPES.indexOf("outage")] += likely[TYPES.indexOf("stuck")];
        }
        int likeliest = -1;
        for (int i = 0; i < likely.length; i++) {
            if (fits(TYPES.get(i)) && (likeliest < 0 || likely[i] > likely[likeliest])) {
                likeliest = i;
            }
        }
        return TYPES.get(likeliest);
    }

    private boolean fits(String type) {
        if (type.equals("stuck") && stuck == null) {
            return false;
        }
        if (type.equals("creep") && baseLoad != null && baseLoad.rise() < LEAST_RISE) {
            return false;
        }
        return energy < 0 ? !RISES.contains(type) : !type.equals("outage");
    }

    /** By the nines that the oddest hour lies above the threshold, and by what is at stake. */
    String severity(double above) {
        double day = 0;
        List<Hour> lastDay = hours.subList(Math.max(hours.size() - WallClock.DAY_H, 0), hours.size());
        for (Hour hour : lastDay) {
            day += 0.024 * Math.abs(hour.usual) / lastDay.size();
        }
        boolean inDoubt = stuck != null || least < OFF_W;
        boolean small = Math.abs(energy) < MATTERS * day && !inDoubt;
        if (above >= HIGH) {
            return small ? "medium" : "high";
        }
        return above >= MEDIUM ? "medium" : "low";
    }

    String sentence(String kind) {
        String compared = watts(power) + " where " + watts(usual) + " is usual";
        int lasting = (int) (last + 1 - start);
        switch (kind) {
            case "spike":
                return "up to " + watts(top.watts) + " where " + watts(top.usual) + " is usual, for " + time(lasting)
                        + ": something large ran";
            case "outage":
                return compared + ", for " + time(lasting) + ": "
                        + (least < OFF_W ? "the supply or the meter was off" : "much less runs than usual");
            case "stuck":
                return stuck == null ? compared + ": the reading hardly moves"
                        : "the reading stayed at " + watts(stuck.watts) + " for " + time(stuck.hours)
                                + ": the meter may be stuck";
            case "creep":
                return baseLoad == null ? compared + ": something stays on" : creeping();
            case "shift":
                return "the last day ran at other hours than usual: " + compared + " at this time";
            case "high":
                int count = hours.size() - first;
                return compared + " for " + time(lasting) + ": "
                        + number(power * count / Math.max(usual * count, 1), 1) + " times the usual use";
            default:
                return compared + " for " + time(lasting)
                        + ": the readings look as if their unit or factor had changed";
        }
    }

    private String creeping() {
        String month = baseLoad.since.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
        return "base load " + number(100 * baseLoad.rise(), 0) + "% above the weeks before since "
                + baseLoad.since.getDayOfMonth() + " " + month + ": " + watts(baseLoad.now) + " where "
                + watts(baseLoad.before) + " is usual; something stays on";
    }

    /** The last time in the alert that the reading hardly moved; null where it moves. */
    private Stuck findStuck() {
        for (int end = hours.size() - 1; end >= Math.max(first, STILL_HOURS - 1); end--) {
            double[] run = new double[STILL_HOURS];
            for (int i = 0; i < STILL_HOURS; i++) {
                run[i] = hours.get(end - i).watts;
            }
            Arrays.sort(run);
            double mean = Arrays.stream(run).sum() / STILL_HOURS;
            if (run[STILL_HOURS - 1] - run[0] <= STILL * Math.abs(mean) + 0.5) {
                double level = middle(run);
                int since = end;
                while (since >= 0 && Math.abs(hours.get(since).watts - level) <= STILL * Math.abs(level) + 0.5) {
                    since--;
                }
                return new Stuck(level, end - since);
            }
        }
        return null;
    }

    /** Base load of the last day against the weeks before; null where too little is known. */
    private BaseLoad findBaseLoad() {
        double[] loads = new double[PAST_DAYS];
        for (int day = 0; day < PAST_DAYS; day++) {
            int age = day;
            double[] watts = hours.stream()
                    .filter(hour -> (last - hour.hour) / WallClock.DAY_H == age).mapToDouble(hour -> hour.watts)
                    .sorted().toArray();
            loads[day] = watts.length >= FULL_DAY ? quantile(watts, BASE) : Double.NaN;
        }
        double now = loads[0];
        double[] past = Arrays.stream(loads).skip(RISING).filter(load -> !Double.isNaN(load)).sorted().toArray();
        if (Double.isNaN(now) || past.length < LEAST_PAST) {
            return null;
        }
        double before = middle(past);
        int days = 0;
        while (days < PAST_DAYS && Math.abs(loads[days] - now) < Math.abs(loads[days] - before)) {
            days++;
        }
        long since = last + 1 - (long) Math.max(days, 1) * WallClock.DAY_H;
        return new BaseLoad(now, before, LocalDate.ofEpochDay(WallClock.dayOf(since)));
    }

    /** The median of sorted values. */
    private static double middle(double[] sorted) {
        return quantile(sorted, 0.5);
    }

    /** Linear between sorted values. */
    private static double quantile(double[] sorted, double share) {
        double place = share * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
    }

    private static String watts(double watts) {
        double size = Math.abs(watts);
        if (size < 1000) {
            return number(watts, 0) + " W";
        }
        return number(watts / 1000, size < 10_000 ? 1 : 0) + " kW";
    }

    private static String time(int hours) {
        return hours < MANY_HOURS ? hours + " h" : number(hours / 24.0, 0) + " days";
    }

    /** With so many decimals. */
    private static String number(double value, int decimals) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return "an unknown number of";
        }
        return new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN).toPlainString();
    }
}
