package smartwatts;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What this gateway says of one model: a line of JSON, without a reading. How it gets home is the
 * app's own; whoever gathers lines puts them, as files, into {@code landing/beacons/} of the root.
 *
 * <pre>
 * String line = new Beacon("g-5f3a", "forecasting_24h", 12, "2026-11-02T06:00:00Z")
 *     .runtime("android 14, litert 1.4.0").calls(24, 0, 3.2).scored(24, 812.5, 10440.0).line();
 * </pre>
 */
public final class Beacon {
    private final Map<String, Object> fields = new LinkedHashMap<>();

    /**
     * @param gateway a name of this gateway that is no name of its home: 1 to 128 of A-Z, a-z, 0-9
     *     and ._:@-
     * @param version the version of the file, from its manifest
     * @param time the end of the hours that this tells of, ISO 8601 with an offset or Z
     */
    public Beacon(String gateway, String model, int version, String time) {
        fields.put("gateway", gateway);
        fields.put("model", model);
        fields.put("version", version);
        fields.put("time", time);
    }

    /** The serial of the model that the pull was told of. */
    public Beacon serial(int serial) {
        return with("serial", serial);
    }

    /** What the file runs in, at most 80 letters. */
    public Beacon runtime(String runtime) {
        return with("runtime", cut(runtime, 80));
    }

    /** Calls since the last beacon, those that failed, and the median call, ms. */
    public Beacon calls(int runs, int failures, double latencyMs) {
        return with("runs", runs).with("failures", failures).with("latency_ms", latencyMs);
    }

    /** The file could not be opened; the reason, of which 200 letters are kept. */
    public Beacon notLoaded(String trouble) {
        return with("loaded", false).with("trouble", cut(trouble, 200));
    }

    /**
     * How the model did at home, over so many hours. Forecasts that came due: the sums of |forecast
     * - measured| and of |measured|, W. Alerts: how many somebody dismissed, and hours scored.
     */
    public Beacon scored(double hours, double error, double scale) {
        return with("hours", hours).with("error", error).with("scale", scale);
    }

    /** Alerts that were shown. */
    public Beacon alerts(int alerts) {
        return with("alerts", alerts);
    }

    /** The line, without its end. Numbers that are not finite are left out. */
    public String line() {
        StringBuilder text = new StringBuilder("{");
        for (Map.Entry<String, Object> field : fields.entrySet()) {
            if (field.getValue() instanceof Double && !isFinite((Double) field.getValue())) {
                continue;
            }
            text.append(text.length() > 1 ? "," : "").append(quoted(field.getKey())).append(':');
            Object value = field.getValue();
            text.append(value instanceof String ? quoted((String) value) : value.toString());
        }
        return text.append('}').toString();
    }

    private Beacon with(String name, Object value) {
        fields.put(name, value);
        return this;
    }

    private static boolean isFinite(double value) {
        return !Double.isNaN(value) && !Double.isInfinite(value);
    }

    private static String cut(String text, int most) {
        return text.length() <= most ? text : text.substring(0, most);
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') {
                quoted.append('\\').append(letter);
            } else if (letter < 0x20 || letter > 0x7e) {
                quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) letter));
            } else {
                quoted.append(letter);
            }
        }
        return quoted.append('"').toString();
    }
}
