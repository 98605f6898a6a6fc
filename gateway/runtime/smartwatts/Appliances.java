package smartwatts;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@code smartwatts predict nilm} writes: power, with {@code --activations} what ran when, with
 * {@code --energy} kWh of days. Arrays are in the order of {@link NilmPredictor#appliances}.
 */
public final class Appliances {
    /** Samples that have mains, in the order of time. */
    public final List<Power> power = new ArrayList<>();

    /** In the order in which they ended. */
    public final List<Activation> activations = new ArrayList<>();

    /** Days of the home's clock that are over. */
    public final List<Day> days = new ArrayList<>();

    Appliances() {}

    /** W in the sample that begins at {@code start}, seconds since the epoch, UTC. */
    public static final class Power {
        public final long start;
        public final float mains;
        public final float[] watts;

        Power(long start, float mains, float[] watts) {
            this.start = start;
            this.mains = mains;
            this.watts = watts;
        }
    }

    /** From when to when ({@code end} is exclusive), kWh, and mean W over the samples that have mains. */
    public static final class Activation {
        public final String appliance;
        public final long start;
        public final long end;
        public final double energy;
        public final double watts;

        Activation(String appliance, long start, long end, double energy, double watts) {
            this.appliance = appliance;
            this.start = start;
            this.end = end;
            this.energy = energy;
            this.watts = watts;
        }
    }

    /**
     * kWh of each appliance, and of everything else at the end; together what mains measured in so many hours of
     * that day. {@code baseLoad}: kWh of everything else that the home draws at all hours, NaN where nothing tells it
     * ({@code predict} writes it as {@code base_load}, and {@code other} without it).
     */
    public static final class Day {
        public final LocalDate day;
        public final double[] energy;
        public final double baseLoad;
        public final double measuredHours;

        Day(LocalDate day, double[] energy, double baseLoad, double measuredHours) {
            this.day = day;
            this.energy = energy;
            this.baseLoad = baseLoad;
            this.measuredHours = measuredHours;
        }
    }
}
