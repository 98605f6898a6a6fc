package smartwatts;

/** A row of {@code smartwatts predict anomaly --alerts}. It grows with its hours: the newest of a number holds. */
public final class Alert {
    /** From 1 on. */
    public final int number;

    /** Seconds since the epoch, UTC; {@code end} is exclusive. */
    public final long start;
    public final long end;

    /** {@code low}, {@code medium} or {@code high}. */
    public final String severity;

    /** What it looks like most: spike, outage, stuck, creep, shift, high or scale. */
    public final String kind;

    /** kWh above what is usual at its hours; below it, negative. */
    public final double energy;

    /** One sentence, in plain words. */
    public final String message;

    Alert(int number, long start, long end, String severity, String kind, double energy, String message) {
        this.number = number;
        this.start = start;
        this.end = end;
        this.severity = severity;
        this.kind = kind;
        this.energy = energy;
        this.message = message;
    }
}
