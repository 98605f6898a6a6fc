package smartwatts;

import java.io.IOException;
import java.util.Collection;
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

    /** Throws IOException where the file wants inputs that cannot be given, or does not give all of these outputs. */
    CheckedModel expect(Collection<String> given, Collection<String> wanted) throws IOException {
        if (!given.containsAll(inputs.keySet()) || !outputs.keySet().containsAll(wanted)) {
            throw new IOException("a file from " + inputs.keySet() + " to " + outputs.keySet() + ", where " + given
                    + " are given and " + wanted + " needed");
        }
        return this;
    }

    /** So many values an input has; 0 where there is none of that name. */
    int size(String input) {
        return inputs.getOrDefault(input, 0);
    }

    /** Throws IllegalStateException where the model gives something else than its file says. */
    Map<String, float[]> run(Map<String, float[]> given) {
        Map<String, float[]> results = model.run(given);
        outputs.forEach((name, size) -> {
            float[] values = results.get(name);
            if (values == null || values.length != size) {
                throw new IllegalStateException("the model gave " + (values == null ? "no" : values.length)
                        + " values of " + name + " instead of " + size);
            }
        });
        return results;
    }
}
