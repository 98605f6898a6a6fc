package smartwatts;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a home draws at all hours of a day, beside the appliances that are known: the mean of hardly any half hour is
 * below it. {@code smartwatts_ml/kinds/nilm/base_load.py} says why so.
 */
final class BaseLoad {
    private static final int STEP_S = 1800;
    private static final double LOWEST = 0.05; // quantile of a day's half hours
    private static final double FEEDS_IN_W = -20;
    private static final int LEAST_S = 12 * WallClock.HOUR_S;

    /** What the samples of a half hour add up to, W. */
    private static final class HalfHour {
        private long samples;
        private double rest;
        private double mains;
    }

    private final TreeMap<Long, HalfHour> halves = new TreeMap<>(); // by half hours since the epoch

    /** A sample that has mains; {@code rest}: mains less appliances, W. */
    void add(long start, float rest, float mains) {
        HalfHour half = halves.computeIfAbsent(Math.floorDiv(start, (long) STEP_S), step -> new HalfHour());
        half.samples++;
        half.rest += rest;
        half.mains += mains;
    }

    /**
     * W; NaN where less than half of the day is known, a {@code rest} of it is not, or the home feeds in for a half
     * hour. Never above the mean of the day's rest, nor below 0.
     */
    double watts(int period) {
        List<HalfHour> known = new ArrayList<>(halves.values());
        double total = known.stream().mapToDouble(half -> half.rest).sum();
        double mean = total / known.stream().mapToLong(half -> half.samples).sum();
        known.removeIf(half -> half.samples * period * 2 < STEP_S);
        boolean feedsIn = known.stream().anyMatch(half -> half.mains / half.samples < FEEDS_IN_W);
        if (Double.isNaN(mean) || feedsIn || (long) known.size() * STEP_S < LEAST_S) {
            return Double.NaN;
        }
        double[] means = known.stream().mapToDouble(half -> half.rest / half.samples).sorted().toArray();
        double place = LOWEST * (means.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, means.length - 1);
        double lowest = means[below] + (place - below) * (means[above] - means[below]);
        return Math.min(Math.max(lowest, 0), Math.max(mean, 0));
    }

    void write(DataOutputStream out) throws IOException {
        out.writeInt(halves.size());
        for (Map.Entry<Long, HalfHour> half : halves.entrySet()) {
            out.writeLong(half.getKey());
            out.writeLong(half.getValue().samples);
            out.writeDouble(half.getValue().rest);
            out.writeDouble(half.getValue().mains);
        }
    }

    void read(DataInputStream in) throws IOException {
        for (int left = in.readInt(); left > 0; left--) {
            HalfHour half = new HalfHour();
            halves.put(in.readLong(), half);
            half.samples = in.readLong();
            half.rest = in.readDouble();
            half.mains = in.readDouble();
        }
    }
}
