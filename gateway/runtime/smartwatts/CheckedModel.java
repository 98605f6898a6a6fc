package smartwatts;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** A model that is of the kind in question and takes and gives what its file says. */
final class CheckedModel {
    private final Model model;
    private final Map<String, Integer> inputs;
    private final Map<String, Integer> outputs;

    /** Throws IOException where a file is of another kind, newer than what is known, or lacks what using it needs. */
    CheckedModel(Model model, ModelDetails details, String kind, int newestContract) throws IOException {
        details.expect(kind, newestContract);
        this.model = model;
        this.inputs = details.inputs();
        this.outputs = details.outputs();
    }

    /**
     * By names and numbers of values. Throws IOException where the file wants inputs that are not among those
     * given, or does not give all outputs that are wanted.
     */
    CheckedModel expect(Map<String, Integer> given, Map<String, Integer> wanted) throws IOException {
        if (!given.entrySet().containsAll(inputs.entrySet()) || !outputs.entrySet().containsAll(wanted.entrySet())) {
            throw new IOException("a file from " + inputs + " to " + outputs + ", where " + given + " are given and "
                    + wanted + " wanted");
        }
        return this;
    }

    boolean takes(String input) {
        return inputs.containsKey(input);
    }

    /** What its file says that it gives, and nothing else. Throws IllegalStateException where it does not. */
    Map<String, float[]> run(Map<String, float[]> given) {
        Map<String, float[]> all = model.run(given);
        Map<String, float[]> results = new LinkedHashMap<>();
        outputs.forEach((name, size) -> {
            float[] values = all.get(name);
            if (values == null || values.length != size) {
                throw new IllegalStateException("the model gave " + (values == null ? "no" : values.length)
                        + " values of " + name + " instead of " + size);
            }
            results.put(name, values);
        });
        return results;
    }
}
