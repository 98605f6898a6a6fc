package smartwatts;

import java.util.List;

/** An hour of the wall clock that has a reading, as {@code smartwatts predict anomaly} writes it. */
public final class ScoredHour {
    /** The hour, as {@link WallClock} counts them, and its real time, each stretch a row of {@code predict}. */
    public final long hour;
    public final List<Span> time;

    /** 0 to 1, NaN where the model gives something that is not finite. */
    public final double score;

    /** The alert that the hour belongs to, as it is known by now; null for none. */
    public final Alert alert;

    ScoredHour(long hour, List<Span> time, double score, Alert alert) {
        this.hour = hour;
        this.time = time;
        this.score = score;
        this.alert = alert;
    }
}
