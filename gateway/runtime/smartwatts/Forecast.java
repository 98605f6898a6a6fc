package smartwatts;

import java.util.List;

/** What {@code smartwatts predict forecasting} writes of one origin, without {@code --energy} and with it. */
public final class Forecast {
    /** Start of the first hour, seconds since the epoch, UTC. */
    public final long issuedAt;

    /** A row for each stretch of real time: two of an hour that the clock repeats, none of one that it skips. */
    public final List<Hour> hours;

    /** Local days that the horizon touches, then all of it; empty where the file has no factors for sums. */
    public final List<Energy> energy;

    Forecast(long issuedAt, List<Hour> hours, List<Energy> energy) {
        this.issuedAt = issuedAt;
        this.hours = hours;
        this.energy = energy;
    }

    /** Power, W. */
    public static final class Hour {
        public final Span time;
        public final float p10;
        public final float p50;
        public final float p90;

        Hour(Span time, float p10, float p50, float p90) {
            this.time = time;
            this.p10 = p10;
            this.p50 = p50;
            this.p90 = p90;
        }
    }

    /** Energy, kWh, of a day ({@code 2026-03-29}) or of the {@code horizon}; {@code hours} are real ones. */
    public static final class Energy {
        public final String period;
        public final double hours;
        public final double p10;
        public final double p50;
        public final double p90;

        Energy(String period, double hours, double p10, double p50, double p90) {
            this.period = period;
            this.hours = hours;
            this.p10 = p10;
            this.p50 = p50;
            this.p90 = p90;
        }
    }
}
