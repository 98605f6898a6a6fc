package smartwatts;

/** A stretch of real time: {@code start} and {@code end} (exclusive), seconds since the epoch, UTC. */
public final class Span {
    public final long start;
    public final long end;

    Span(long start, long end) {
        this.start = start;
        this.end = end;
    }

    public long seconds() {
        return end - start;
    }
}
