import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.time.zone.ZoneRules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The ring buffer of a home's hours, as contract 2 of forecasting and anomaly detection has them: hours of the
 * wall clock, one that the clock skips is missing, one that it repeats is the mean of both times.
 *
 * <p>Copy it into the app, or port it and try the port with the same file:
 *
 * <pre>java gateway/LocalHours.java gateway/clock.csv</pre>
 *
 * runs every case of the file and says where an hour differs. Needs a JDK 17 and nothing else.
 */
public final class LocalHours {
    private static final int DAY_H = 24;

    /** Energy (W s) and time (s) of one hour of the wall clock. */
    private static final class Sum {
        private double energy;
        private double seconds;
    }

    /** A stretch of real time. */
    public record Span(Instant start, Instant end) {
        long seconds() {
            return Duration.between(start, end).toSeconds();
        }
    }

    private final ZoneRules rules;
    private final int capacity;
    private final TreeMap<LocalDateTime, Sum> hours = new TreeMap<>();

    /** A ring of so many hours (672) of a home in a zone. */
    public LocalHours(ZoneId zone, int capacity) {
        this.rules = zone.getRules();
        this.capacity = capacity;
    }

    /** Mean power from {@code start} to {@code end}, in any order, each once; NaN says nothing. */
    public void add(Instant start, Instant end, double watts) {
        Instant at = Double.isNaN(watts) ? end : start;
        while (at.isBefore(end)) {
            LocalDateTime hour = hourAt(at);
            Instant full = hour.plusHours(1).toInstant(rules.getOffset(at));
            Instant next = earliest(end, full, changeAfter(at));
            Sum sum = hours.computeIfAbsent(hour, key -> new Sum());
            double seconds = Duration.between(at, next).toNanos() / 1e9;
            sum.energy += watts * seconds;
            sum.seconds += seconds;
            at = next;
        }
        while (hours.size() > capacity + DAY_H) {
            hours.pollFirstEntry();
        }
    }

    /** The first hour that is not over yet, for the last time: the first that a forecast is of. */
    public LocalDateTime next(Instant now) {
        LocalDateTime hour = hourAt(now).minusHours(DAY_H);
        while (!over(hour).isAfter(now)) {
            hour = hour.plusHours(1);
        }
        return hour;
    }

    /** {@code history_w}: the hours before {@link #next}, oldest first, NaN where missing. */
    public float[] history(Instant now) {
        float[] history = new float[capacity];
        LocalDateTime hour = next(now).minusHours(capacity);
        for (int i = 0; i < capacity; i++) {
            history[i] = mean(hour.plusHours(i));
        }
        return history;
    }

    /** {@code hour_of_week}: 0 is Monday 00:00. */
    public static int hourOfWeek(LocalDateTime hour) {
        return (hour.getDayOfWeek().getValue() - 1) * DAY_H + hour.getHour();
    }

    /** W; NaN where readings cover less than half of the time that the hour has. */
    public float mean(LocalDateTime hour) {
        Sum sum = hours.get(hour);
        long lasting = real(hour).stream().mapToLong(Span::seconds).sum();
        return sum == null || sum.seconds * 2 < lasting ? Float.NaN : (float) (sum.energy / sum.seconds);
    }

    /** The real time of an hour: none where the clock skips it, two spans where it repeats it. */
    public List<Span> real(LocalDateTime hour) {
        List<Span> spans = new ArrayList<>();
        Instant at = hour.toInstant(ZoneOffset.UTC).minus(Duration.ofHours(DAY_H + 2));
        Instant until = at.plus(Duration.ofHours(2 * (DAY_H + 2)));
        while (at.isBefore(until)) {
            Instant change = earliest(changeAfter(at), until);
            ZoneOffset offset = rules.getOffset(at);
            Instant start = latest(at, hour.toInstant(offset));
            Instant end = earliest(change, hour.plusHours(1).toInstant(offset));
            if (start.isBefore(end)) {
                spans.add(new Span(start, end));
            }
            at = change;
        }
        return spans;
    }

    /** When an hour is over for the last time; of one that is skipped, when the clock skips it. */
    private Instant over(LocalDateTime hour) {
        List<Span> spans = real(hour);
        return spans.isEmpty() ? rules.getTransition(hour).getInstant() : spans.get(spans.size() - 1).end();
    }

    private LocalDateTime hourAt(Instant at) {
        return LocalDateTime.ofInstant(at, rules.getOffset(at)).truncatedTo(ChronoUnit.HOURS);
    }

    private Instant changeAfter(Instant at) {
        var change = rules.nextTransition(at);
        return change == null ? Instant.MAX : change.getInstant();
    }

    private static Instant earliest(Instant... instants) {
        return Arrays.stream(instants).min(Instant::compareTo).orElseThrow();
    }

    private static Instant latest(Instant a, Instant b) {
        return a.isAfter(b) ? a : b;
    }

    /** Runs the cases of a file. Exit codes: 0 all are right, 1 some are not, 2 wrong use. */
    public static void main(String[] args) throws IOException {
        if (args.length != 1) {
            System.err.println("usage: java LocalHours.java clock.csv");
            System.exit(2);
        }
        Map<String, List<String[]>> cases = new LinkedHashMap<>();
        for (String line : Files.readAllLines(Path.of(args[0])).stream().skip(1).toList()) {
            String[] row = line.split(",", -1);
            cases.computeIfAbsent(row[0], name -> new ArrayList<>()).add(row);
        }
        List<String> wrong = new ArrayList<>();
        cases.forEach((name, rows) -> check(name, rows, wrong));
        wrong.forEach(System.err::println);
        System.out.printf("%d cases, %d differences%n", cases.size(), wrong.size());
        System.exit(wrong.isEmpty() ? 0 : 1);
    }

    private static void check(String name, List<String[]> rows, List<String> wrong) {
        LocalHours ring = new LocalHours(ZoneId.of(rows.get(0)[1]), 672);
        Map<LocalDateTime, List<String>> told = new LinkedHashMap<>();
        for (String[] row : rows) {
            Instant utc = Instant.parse(row[4]);
            if (row[2].equals("reading")) {
                ring.add(utc, utc.plusSeconds(Long.parseLong(row[5])), Double.parseDouble(row[6]));
            } else if (row[2].equals("real")) {
                told.computeIfAbsent(LocalDateTime.parse(row[3]), hour -> new ArrayList<>()).add(utc + " " + row[5]);
            }
        }
        for (String[] row : rows) {
            if (row[2].equals("hour")) {
                LocalDateTime hour = LocalDateTime.parse(row[3]);
                String found = ring.described(hour, Instant.parse(row[4]), told.getOrDefault(hour, List.of()));
                String wanted = (row[6].isEmpty() ? Float.NaN : Float.parseFloat(row[6])) + " " + row[7];
                if (!found.equals(wanted)) {
                    wrong.add(name + ": " + hour + " is " + found + ", not " + wanted);
                }
            }
        }
    }

    /** What the ring has of an hour that is over at an instant, or what is wrong with it. */
    private String described(LocalDateTime hour, Instant over, List<String> told) {
        List<String> spans = real(hour).stream().map(span -> span.start() + " " + span.seconds()).toList();
        if (!spans.equals(told)) {
            return "at " + spans + " instead of " + told;
        }
        if (!next(over).isAfter(hour) || next(over.minusSeconds(1)).isAfter(hour)) {
            return "not over at " + over;
        }
        int age = (int) ChronoUnit.HOURS.between(hour, next(over));
        return history(over)[capacity - age] + " " + hourOfWeek(hour);
    }
}
