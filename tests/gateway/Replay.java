import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import smartwatts.AnomalyScorer;
import smartwatts.Appliances;
import smartwatts.Forecast;
import smartwatts.Forecaster;
import smartwatts.LocalHours;
import smartwatts.Model;
import smartwatts.ModelDetails;
import smartwatts.NilmPredictor;
import smartwatts.Outside;
import smartwatts.ScoredHour;
import smartwatts.Span;
import smartwatts.WallClock;

/**
 * What tests ask the gateway's library, one word each: {@code clock} (cases of a ring), {@code replay} (a home's
 * readings, reading by reading, with states that are taken up and kept), {@code damage} (states that are spoilt),
 * {@code refusals} (what else it does not take).
 */
public final class Replay {
    private static final int HOURS = 672;
    private static final int TICK_S = 1800;

    private final ZoneId zone;
    private final Path folder;
    private final Path states;
    private final ModelDetails ofNilm;
    private final ModelDetails ofAnomaly;
    private final PythonModel nilmModel;
    private final PythonModel anomalyModel;
    private final LocalHours hours;
    private final LocalHours temperatures;
    private final NilmPredictor nilm;
    private final Forecaster forecaster;
    private final AnomalyScorer scorer;
    private long shown = Long.MIN_VALUE;

    public static void main(String[] args) throws IOException {
        switch (args[0]) {
            case "clock":
                clock(Paths.get(args[1]));
                break;
            case "replay":
                new Replay(Paths.get(args[1])).replay(Long.parseLong(args[2]), Long.parseLong(args[3]));
                break;
            case "damage":
                new Replay(Paths.get(args[1])).damage();
                break;
            default:
                refusals(Paths.get(args[1]));
        }
    }

    /**
     * Files of a folder: zone.txt, command.txt (how to start a model), nilm, forecasting and anomaly.tflite,
     * readings.csv and temperatures.csv (start, end, value), holidays.txt, and states/.
     */
    private Replay(Path folder) throws IOException {
        this.folder = folder;
        zone = ZoneId.of(text(folder.resolve("zone.txt")));
        states = folder.resolve("states");
        temperatures = new LocalHours(zone, 10_000);
        for (String[] row : rows(folder.resolve("temperatures.csv"))) {
            temperatures.add(Long.parseLong(row[0]), Long.parseLong(row[1]), Double.parseDouble(row[2]));
        }
        Set<LocalDate> holidays = new HashSet<>();
        for (String day : Files.readAllLines(folder.resolve("holidays.txt"))) {
            holidays.add(LocalDate.parse(day));
        }
        Outside outside = new Outside() {
            @Override
            public boolean isHoliday(LocalDate day) {
                return holidays.contains(day);
            }

            @Override
            public float temperature(long hour) {
                return temperatures.mean(hour);
            }
        };
        ofNilm = details("nilm");
        ofAnomaly = details("anomaly");
        nilmModel = open("nilm");
        anomalyModel = open("anomaly");
        forecaster = new Forecaster(open("forecasting"), details("forecasting"), outside);
        if (Files.exists(states.resolve("hours"))) {
            hours = LocalHours.restore(zone, HOURS, Files.readAllBytes(states.resolve("hours")));
            nilm = NilmPredictor.restore(nilmModel, ofNilm, zone, Files.readAllBytes(states.resolve("nilm")));
            scorer = AnomalyScorer.restore(anomalyModel, ofAnomaly, Files.readAllBytes(states.resolve("anomaly")));
        } else {
            hours = new LocalHours(zone, HOURS);
            nilm = new NilmPredictor(nilmModel, ofNilm, zone);
            scorer = new AnomalyScorer(anomalyModel, ofAnomaly);
        }
    }

    private ModelDetails details(String kind) throws IOException {
        return details(folder, kind);
    }

    private static ModelDetails details(Path folder, String name) throws IOException {
        return ModelDetails.of(Files.readAllBytes(folder.resolve(name + ".tflite")));
    }

    private PythonModel open(String kind) throws IOException {
        List<String> command = new ArrayList<>(Files.readAllLines(folder.resolve("command.txt")));
        command.add(folder.resolve(kind + ".tflite").toString());
        return new PythonModel(command);
    }

    /** The readings that start in [from, to), and a look at the hours every half hour. */
    private void replay(long from, long to) throws IOException {
        long tick = Math.floorDiv(from, (long) TICK_S) * TICK_S;
        for (String[] row : rows(folder.resolve("readings.csv"))) {
            long start = Long.parseLong(row[0]);
            long end = Long.parseLong(row[1]);
            if (start < from || start >= to) {
                continue;
            }
            for (; tick <= start; tick += TICK_S) {
                tick(tick);
            }
            double watts = Double.parseDouble(row[2]);
            hours.add(start, end, watts);
            show("", nilm.add(start, end, watts));
        }
        for (; tick <= to; tick += TICK_S) {
            tick(tick);
        }
        show("so far ", nilm.soFar());
        Files.createDirectories(states);
        Files.write(states.resolve("hours"), hours.state());
        Files.write(states.resolve("nilm"), nilm.state());
        Files.write(states.resolve("anomaly"), scorer.state());
    }

    private void tick(long now) {
        for (ScoredHour hour : scorer.update(hours, now)) {
            for (Span span : hour.time) {
                say("score", span.start, hour.score, hour.alert == null ? 0 : 1);
            }
            if (hour.alert != null) {
                say("alert", hour.alert.number, hour.alert.start, hour.alert.end, hour.alert.severity, hour.alert.kind,
                        hour.alert.energy, hour.alert.message);
            }
        }
        long next = hours.next(now);
        if (next == shown) {
            return;
        }
        shown = next;
        forecaster.forecast(hours, now).ifPresent(forecast -> {
            for (Forecast.Hour hour : forecast.hours) {
                say("forecast", forecast.issuedAt, hour.time.start, hour.p50, hour.p10, hour.p90);
            }
            for (Forecast.Energy part : forecast.energy) {
                say("energy", forecast.issuedAt, part.period, part.hours, part.p50, part.p10, part.p90);
            }
        });
    }

    private void show(String when, Appliances settled) {
        List<String> names = nilm.appliances();
        for (Appliances.Power power : settled.power) {
            for (int k = 0; k < names.size(); k++) {
                say(when + "power", power.start, power.watts[k], names.get(k));
            }
        }
        for (Appliances.Activation run : settled.activations) {
            say(when + "activation", run.appliance, run.start, run.end, run.energy, run.watts);
        }
        for (Appliances.Day day : settled.days) {
            for (int k = 0; k < names.size(); k++) {
                say(when + "day", names.get(k), day.day, day.energy[k], day.measuredHours);
            }
            double other = day.energy[names.size()];
            if (!Double.isNaN(day.baseLoad)) {
                other -= day.baseLoad;
                say(when + "day", "base_load", day.day, day.baseLoad, day.measuredHours);
            }
            say(when + "day", "other", day.day, other, day.measuredHours);
        }
    }

    /** A row: its kind and its columns. */
    private static void say(Object... parts) {
        StringBuilder row = new StringBuilder();
        for (Object part : parts) {
            row.append(row.length() == 0 ? "" : "\t").append(part);
        }
        System.out.println(row);
    }

    /** Restores each state with each of its bytes changed and with each of its ends cut off: all are refused. */
    private void damage() throws IOException {
        for (String name : Arrays.asList("hours", "nilm", "anomaly")) {
            byte[] state = Files.readAllBytes(states.resolve(name));
            int refused = 0;
            for (int i = 0; i < state.length; i++) {
                byte[] changed = state.clone();
                changed[i] ^= 1 << (i % 8);
                refused += refuses(name, changed) && refuses(name, Arrays.copyOf(state, i)) ? 1 : 0;
            }
            say(name, state.length, refused, refuses(name, state));
        }
        say("swapped", refuses("hours", nilm.state()), refuses("nilm", scorer.state()),
                refuses("anomaly", hours.state()));
        say("zone", refused(() -> LocalHours.restore(ZoneId.of("Asia/Tokyo"), HOURS, hours.state())));
    }

    /** Throws IOException where it does not like what it is given. */
    private interface Attempt {
        Object run() throws IOException;
    }

    private boolean refuses(String name, byte[] state) {
        return refused(() -> {
            switch (name) {
                case "hours":
                    return LocalHours.restore(zone, HOURS, state);
                case "nilm":
                    return NilmPredictor.restore(nilmModel, ofNilm, zone, state);
                default:
                    return AnomalyScorer.restore(anomalyModel, ofAnomaly, state);
            }
        }) != null;
    }

    private static String refused(Attempt attempt) {
        try {
            attempt.run();
            return null;
        } catch (IOException | IllegalArgumentException | IllegalStateException error) {
            return error.getMessage();
        }
    }

    /** A line for each thing that it should not take: what it says. */
    private static void refusals(Path folder) throws IOException {
        ZoneId zone = ZoneId.of("Europe/Berlin");
        Model silent = inputs -> new LinkedHashMap<>();
        NilmPredictor nilm = new NilmPredictor(silent, details(folder, "nilm"), zone);
        LocalHours ring = new LocalHours(zone, HOURS);
        nilm.add(6000, 6060, 100);
        for (int hour = 0; hour < HOURS + 30; hour++) {
            ring.add(hour * 3600L, hour * 3600L + 3600, 100);
        }
        say("kind", refused(() -> new NilmPredictor(silent, details(folder, "anomaly"), zone)));
        say("contract", refused(() -> new AnomalyScorer(silent, details(folder, "newer"))));
        say("lacking", refused(() -> new AnomalyScorer(silent, details(folder, "lacking"))));
        say("outside", refused(() -> new Forecaster(silent, details(folder, "forecasting"))));
        say("sizes", refused(() -> new Forecaster(silent, details(folder, "sizes"))));
        say("coarse", refused(() -> nilm.add(6060, 6960, 100)));
        say("order", refused(() -> nilm.add(6000, 6060, 100)));
        say("long", refused(() -> {
            ring.add(0, 7200, 100);
            return null;
        }));
        say("forgotten", refused(() -> ring.history(ring.next(HOURS * 3600L), HOURS)));
        say("silent", refused(() -> new AnomalyScorer(silent, details(folder, "anomaly")).update(ring, 3600L * 700)));
    }

    /** Runs the cases of clock.csv and says where an hour differs. */
    private static void clock(Path file) throws IOException {
        Map<String, List<String[]>> cases = new LinkedHashMap<>();
        for (String[] row : rows(file).subList(1, rows(file).size())) {
            cases.computeIfAbsent(row[0], name -> new ArrayList<>()).add(row);
        }
        int differences = 0;
        for (List<String[]> rows : cases.values()) {
            differences += differences(rows);
        }
        say(cases.size() + " cases, " + differences + " differences");
    }

    private static int differences(List<String[]> rows) {
        LocalHours ring = new LocalHours(ZoneId.of(rows.get(0)[1]), HOURS);
        Map<String, List<String>> real = new LinkedHashMap<>();
        for (String[] row : rows) {
            long utc = Instant.parse(row[4]).getEpochSecond();
            if (row[2].equals("reading")) {
                ring.add(utc, utc + Long.parseLong(row[5]), Double.parseDouble(row[6]));
            } else if (row[2].equals("real")) {
                real.computeIfAbsent(row[3], hour -> new ArrayList<>()).add(utc + " " + row[5]);
            }
        }
        int differences = 0;
        for (String[] row : rows) {
            if (row[2].equals("hour")) {
                long hour = LocalDateTime.parse(row[3]).toEpochSecond(ZoneOffset.UTC) / 3600;
                String told = (row[6].isEmpty() ? Float.NaN : Float.parseFloat(row[6])) + " " + row[7] + " "
                        + real.getOrDefault(row[3], new ArrayList<>());
                String found = described(ring, hour, Instant.parse(row[4]).getEpochSecond());
                if (!found.equals(told)) {
                    say(row[0], row[3], found, told);
                    differences++;
                }
            }
        }
        return differences;
    }

    /** What the ring has of an hour that is over at an instant. */
    private static String described(LocalHours ring, long hour, long over) {
        if (ring.next(over) <= hour || ring.next(over - 1) > hour) {
            return "not over at " + over;
        }
        List<String> spans = new ArrayList<>();
        for (Span span : ring.clock().real(hour)) {
            spans.add(span.start + " " + span.seconds());
        }
        float[] history = ring.history(ring.next(over), HOURS);
        float watts = history[(int) (HOURS - (ring.next(over) - hour))];
        return watts + " " + WallClock.hourOfWeek(hour) + " " + spans;
    }

    private static String text(Path file) throws IOException {
        return Files.readAllLines(file).get(0);
    }

    private static List<String[]> rows(Path file) throws IOException {
        List<String[]> rows = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            rows.add(line.split(",", -1));
        }
        return rows;
    }
}
