package smartwatts;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.ArrayList;
import java.util.List;

/**
 * The clock on the wall of a home, and UTC. Instants are seconds since the epoch, UTC; hours are those that the
 * clock shows, counted from 1970-01-01 00:00 of that clock, 24 a day on every day.
 */
public final class WallClock {
    static final int HOUR_S = 3600;
    static final int DAY_H = 24;
    private static final long FAR_S = 26L * HOUR_S; // no clock is that far from UTC, or was set by more
    private static final int MONDAY_H = 3 * DAY_H; // 1970-01-01 was a Thursday

    final ZoneId zone;
    private final ZoneRules rules;

    public WallClock(ZoneId zone) {
        this.zone = zone;
        this.rules = zone.getRules();
    }

    /** The hour that the clock shows at an instant. */
    public long hourAt(long utc) {
        return Math.floorDiv(utc + offset(utc), (long) HOUR_S);
    }

    /** The calendar day that the clock shows at an instant, counted from 1970-01-01. */
    public long dayAt(long utc) {
        return dayOf(hourAt(utc));
    }

    /** The calendar day of an hour. */
    public static long dayOf(long hour) {
        return Math.floorDiv(hour, (long) DAY_H);
    }

    /** The hour of the week of an hour, 0 = Monday 00:00. */
    public static int hourOfWeek(long hour) {
        return (int) Math.floorMod(hour + MONDAY_H, 7L * DAY_H);
    }

    /** The real time of an hour: none where the clock skips it, two spans where it repeats it. */
    public List<Span> real(long hour) {
        List<Span> spans = new ArrayList<>();
        long wall = hour * HOUR_S;
        long until = wall + FAR_S;
        for (long at = wall - FAR_S; at < until; ) {
            long change = Math.min(changeAfter(at), until);
            long start = Math.max(at, wall - offset(at));
            long end = Math.min(change, wall + HOUR_S - offset(at));
            if (start < end) {
                spans.add(new Span(start, end));
            }
            at = change;
        }
        return spans;
    }

    /** Seconds of real time that an hour has. */
    public long seconds(long hour) {
        long seconds = 0;
        for (Span span : real(hour)) {
            seconds += span.seconds();
        }
        return seconds;
    }

    /** The instant at which an hour is over for the last time; of one that is skipped, when the clock skips it. */
    public long over(long hour) {
        List<Span> spans = real(hour);
        if (spans.isEmpty()) {
            LocalDateTime wall = LocalDateTime.ofEpochSecond(hour * HOUR_S, 0, ZoneOffset.UTC);
            return rules.getTransition(wall).toEpochSecond();
        }
        return spans.get(spans.size() - 1).end;
    }

    /** The first hour that is not over yet, for the last time: the first that a forecast is of. */
    public long next(long now) {
        long hour = hourAt(now) - DAY_H;
        while (over(hour) <= now) {
            hour++;
        }
        return hour;
    }

    /** When the hour that the clock shows at an instant ends, or is interrupted as the clock is set. */
    long partEnd(long utc) {
        return Math.min((hourAt(utc) + 1) * HOUR_S - offset(utc), changeAfter(utc));
    }

    /** The next instant at which the clock is set. */
    private long changeAfter(long utc) {
        ZoneOffsetTransition change = rules.nextTransition(Instant.ofEpochSecond(utc));
        return change == null ? Long.MAX_VALUE : change.toEpochSecond();
    }

    /** Seconds by which the clock is ahead of UTC. */
    private int offset(long utc) {
        return rules.getOffset(Instant.ofEpochSecond(utc)).getTotalSeconds();
    }
}
