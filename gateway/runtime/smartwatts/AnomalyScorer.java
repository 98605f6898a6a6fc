package smartwatts;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A file of {@code anomaly} on a home's hours, each scored when it enters the ring. Keeps the alert that goes on,
 * what was told in four weeks, and the last eight weeks of hours, which is as far back as an alert speaks of.
 */
public final class AnomalyScorer {
    private static final int NEWEST_CONTRACT = 2;
    private static final int KEPT = 56 * 24;
    private static final List<String> OUTPUTS = Arrays.asList("score", "alert", "likeness", "expected_w");
    private static final String RISE = "rise"; // no output of older files

    private final CheckedModel model;
    private final int context;
    private final double threshold;
    private final boolean tellsRises;
    private final AlertPolicy policy;
    private final ArrayDeque<AlertWindow.Hour> past = new ArrayDeque<>();
    private long next = Long.MIN_VALUE; // the first hour that is not scored yet
    private AlertHours alert;

    /** The hours of one alert. */
    private static final class AlertHours {
        private final int number;
        private final long first;
        private final long start;
        private int count;
        private double peak = Double.NEGATIVE_INFINITY;
        private final double[] likeness = new double[AlertWindow.TYPES.size()];

        private AlertHours(int number, long first, long start) {
            this.number = number;
            this.first = first;
            this.start = start;
        }
    }

    /** Of a file. Throws IOException where it cannot be used. */
    public AnomalyScorer(Model model, ModelDetails details) throws IOException {
        CheckedModel checked = new CheckedModel(model, details, "anomaly", NEWEST_CONTRACT);
        context = details.integer("context_hours");
        Map<String, Integer> given = new LinkedHashMap<>();
        given.put("history_w", context);
        given.put("hour_of_week", 1);
        Map<String, Integer> wanted = new LinkedHashMap<>();
        OUTPUTS.forEach(name -> wanted.put(name, 1));
        wanted.put("likeness", AlertWindow.TYPES.size());
        tellsRises = details.outputs().containsKey(RISE);
        if (tellsRises) {
            wanted.put(RISE, 1);
        }
        this.model = checked.expect(given, wanted);
        threshold = AlertPolicy.nines(details.number("threshold"));
        policy = AlertPolicy.of(details);
    }

    /**
     * Scores the hours that have entered the ring since it was called last, at the first call those before too.
     * Call it every hour: what the ring no longer has the history of, after a day, is not scored.
     */
    public List<ScoredHour> update(LocalHours hours, long now) {
        List<ScoredHour> scored = new ArrayList<>();
        long end = hours.next(now);
        for (long hour = Math.max(next, hours.firstWhole(context)); hour < end; hour++) {
            float watts = hours.mean(hour);
            if (!Float.isNaN(watts)) {
                scored.add(score(hours, hour, watts));
            }
        }
        next = Math.max(next, end);
        return scored;
    }

    private ScoredHour score(LocalHours hours, long hour, float watts) {
        Map<String, float[]> inputs = new LinkedHashMap<>();
        inputs.put("history_w", hours.history(hour + 1, context));
        inputs.put("hour_of_week", new float[] {WallClock.hourOfWeek(hour)});
        Map<String, float[]> outputs = model.run(inputs);
        float[] likeness = outputs.get("likeness");
        double score = isFinite(outputs) ? outputs.get("score")[0] : Double.NaN;
        double rarity = AlertPolicy.nines(score);
        List<Span> time = hours.clock().real(hour);
        long seconds = hours.clock().seconds(hour);
        past.add(new AlertWindow.Hour(hour, seconds / (double) WallClock.HOUR_S, watts, outputs.get("expected_w")[0]));
        if (past.size() > KEPT) {
            past.remove();
        }
        int number = policy.hour(hour, outputs.get("alert")[0] > 0.5f, rarity, AlertWindow.family(likeness));
        if (number == 0 && tellsRises && outputs.get(RISE)[0] >= 0) {
            number = policy.risen(hour, outputs.get(RISE)[0]);
            likeness[AlertWindow.CREEP] += 1; // before all else that it looks like
        }
        if (number == 0) {
            return new ScoredHour(hour, time, score, null);
        }
        if (alert == null || alert.number != number) {
            alert = new AlertHours(number, hour, time.get(0).start);
        }
        alert.count++;
        alert.peak = Math.max(alert.peak, rarity);
        for (int i = 0; i < likeness.length; i++) {
            alert.likeness[i] += likeness[i];
        }
        return new ScoredHour(hour, time, score, told(time.get(time.size() - 1).end));
    }

    private Alert told(long end) {
        AlertWindow window = new AlertWindow(new ArrayList<>(past), alert.first);
        double[] likeness = new double[alert.likeness.length];
        for (int i = 0; i < likeness.length; i++) {
            likeness[i] = alert.likeness[i] / alert.count;
        }
        String kind = window.kind(likeness);
        String severity = window.severity(alert.peak - threshold);
        return new Alert(alert.number, alert.start, end, severity, kind, window.energy(), window.sentence(kind));
    }

    private static boolean isFinite(Map<String, float[]> outputs) {
        for (float[] values : outputs.values()) {
            for (float value : values) {
                if (!Float.isFinite(value)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** What survives a restart. */
    public byte[] state() {
        return State.write(name(), this::write);
    }

    /** One as it was; a newer version of the file goes on with it. Throws IOException where the state is damaged. */
    public static AnomalyScorer restore(Model model, ModelDetails details, byte[] state) throws IOException {
        AnomalyScorer scorer = new AnomalyScorer(model, details);
        return State.read(name(), state, scorer::read);
    }

    private static String name() {
        return "anomaly 1";
    }

    private void write(DataOutputStream out) throws IOException {
        out.writeLong(next);
        policy.write(out);
        out.writeInt(past.size());
        for (AlertWindow.Hour hour : past) {
            out.writeLong(hour.hour);
            out.writeDouble(hour.lasting);
            out.writeFloat(hour.watts);
            out.writeFloat(hour.usual);
        }
        out.writeBoolean(alert != null);
        if (alert != null) {
            out.writeInt(alert.number);
            out.writeLong(alert.first);
            out.writeLong(alert.start);
            out.writeInt(alert.count);
            out.writeDouble(alert.peak);
            for (double share : alert.likeness) {
                out.writeDouble(share);
            }
        }
        policy.writeLimit(out);
    }

    private AnomalyScorer read(DataInputStream in) throws IOException {
        next = in.readLong();
        policy.read(in);
        for (int left = in.readInt(); left > 0; left--) {
            past.add(new AlertWindow.Hour(in.readLong(), in.readDouble(), in.readFloat(), in.readFloat()));
        }
        if (in.readBoolean()) {
            alert = new AlertHours(in.readInt(), in.readLong(), in.readLong());
            alert.count = in.readInt();
            alert.peak = in.readDouble();
            for (int i = 0; i < alert.likeness.length; i++) {
                alert.likeness[i] = in.readDouble();
            }
        }
        if (in.available() > 0) {
            policy.readLimit(in);
        }
        return this;
    }
}
