package smartwatts;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Inputs that were made up and the outputs that belong to them, from the manifest beside a file: whether it computes
 * on this gateway what it computed where it was converted. Try a new file before it takes an old one's place.
 */
public final class GoldenVectors {
    private static final int MOST_VALUES = 1 << 24;
    private static final int MOST_VECTORS = 16;

    private final List<Vector> vectors = new ArrayList<>();
    private final Map<String, Double> tolerances = new LinkedHashMap<>();

    private GoldenVectors() {}

    /** Of a manifest that was verified. Throws IOException where it has none. */
    public static GoldenVectors of(byte[] manifest) throws IOException {
        Map<?, ?> whole = map(ModelDetails.json(new String(manifest, StandardCharsets.UTF_8)));
        if (whole.get("runtime") == null) {
            throw new IOException("a manifest without golden vectors");
        }
        Map<?, ?> runtime = map(whole.get("runtime"));
        GoldenVectors golden = new GoldenVectors();
        for (Object vector : list(runtime.get("vectors"))) {
            golden.vectors.add(new Vector(map(vector)));
        }
        for (Map.Entry<?, ?> tolerance : map(runtime.get("tolerances")).entrySet()) {
            golden.tolerances.put(String.valueOf(tolerance.getKey()), number(tolerance.getValue()));
        }
        if (golden.vectors.isEmpty() || golden.vectors.size() > MOST_VECTORS) {
            throw broken();
        }
        return golden;
    }

    /** Runs them. Throws IOException, which names the output, where the model gives something else. */
    public void check(Model model) throws IOException {
        for (Vector vector : vectors) {
            Map<String, float[]> outputs = model.run(vector.inputs);
            for (Map.Entry<String, Places> output : vector.outputs.entrySet()) {
                String name = output.getKey();
                Double tolerance = tolerances.get(name);
                if (tolerance == null || !output.getValue().agree(outputs.get(name), tolerance)) {
                    throw new IOException("the model computes something else than its golden vectors: " + name);
                }
            }
        }
    }

    /** One window. */
    private static final class Vector {
        private final Map<String, float[]> inputs = new LinkedHashMap<>();
        private final Map<String, Places> outputs = new LinkedHashMap<>();

        private Vector(Map<?, ?> said) throws IOException {
            for (Map.Entry<?, ?> input : map(said.get("inputs")).entrySet()) {
                inputs.put(String.valueOf(input.getKey()), unpacked(list(input.getValue())));
            }
            for (Map.Entry<?, ?> output : map(said.get("outputs")).entrySet()) {
                outputs.put(String.valueOf(output.getKey()), new Places(map(output.getValue())));
            }
        }
    }

    /** Every so-manieth value of an output. */
    private static final class Places {
        private final int every;
        private final double[] values;

        private Places(Map<?, ?> said) throws IOException {
            every = times(said.get("every"));
            List<?> numbers = list(said.get("values"));
            values = new double[numbers.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = number(numbers.get(i));
            }
        }

        private boolean agree(float[] given, double tolerance) {
            boolean same = given != null && ((long) given.length + every - 1) / every == values.length;
            for (int i = 0; same && i < values.length; i++) {
                double got = given[i * every];
                same = Double.isNaN(values[i]) ? Double.isNaN(got) : Math.abs(got - values[i]) <= tolerance;
            }
            return same;
        }
    }

    /** Numbers, null for one that is missing, and [number, times]. */
    private static float[] unpacked(List<?> items) throws IOException {
        float[] values = new float[16];
        int size = 0;
        for (Object item : items) {
            boolean repeats = item instanceof List && ((List<?>) item).size() == 2;
            List<?> run = repeats ? (List<?>) item : Arrays.asList(item, 1.0);
            int end = size + times(run.get(1));
            if (end > MOST_VALUES) {
                throw broken();
            }
            if (end > values.length) {
                values = Arrays.copyOf(values, Math.max(end, 2 * values.length));
            }
            Arrays.fill(values, size, end, (float) number(run.get(0)));
            size = end;
        }
        return Arrays.copyOf(values, size);
    }

    private static int times(Object value) throws IOException {
        double number = number(value);
        if (number != (int) number || number < 1 || number > MOST_VALUES) {
            throw broken();
        }
        return (int) number;
    }

    /** Decimal numbers are texts where they are not whole. */
    private static double number(Object value) throws IOException {
        if (value == null) {
            return Double.NaN;
        }
        String text = String.valueOf(value);
        if (value instanceof Double || text.matches("-?[0-9]{1,40}(\\.[0-9]{1,40})?")) {
            return Double.parseDouble(text);
        }
        throw broken();
    }

    private static Map<?, ?> map(Object value) throws IOException {
        if (value instanceof Map) {
            return (Map<?, ?>) value;
        }
        throw broken();
    }

    private static List<?> list(Object value) throws IOException {
        if (value instanceof List) {
            return Collections.unmodifiableList((List<?>) value);
        }
        throw broken();
    }

    private static IOException broken() {
        return new IOException("a manifest whose golden vectors are damaged");
    }
}
