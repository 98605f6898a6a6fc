import com.google.ai.edge.litert.CompiledModel;
import com.google.ai.edge.litert.LiteRtException;
import com.google.ai.edge.litert.TensorBuffer;
import java.io.File;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import smartwatts.Model;
import smartwatts.ModelDetails;

/**
 * A model on LiteRT's CompiledModel, on Android. Needs {@code com.google.ai.edge.litert:litert} from 2.1 on, so it
 * does not compile here; its types are tested against that API's signatures. One thread at a time.
 */
public final class CompiledModelModel implements Model, AutoCloseable {
    private final CompiledModel model;
    private final Map<String, TensorBuffer> inputs = new HashMap<>();
    private final Map<String, TensorBuffer> outputs = new HashMap<>();

    public CompiledModelModel(File file, ModelDetails details) throws IOException, LiteRtException {
        model = CompiledModel.create(file.getPath());
        for (String name : details.inputs().keySet()) {
            inputs.put(name, model.createInputBuffer(name, null));
        }
        for (String name : details.outputs().keySet()) {
            outputs.put(name, model.createOutputBuffer(name, null));
        }
    }

    @Override
    public Map<String, float[]> run(Map<String, float[]> values) {
        Map<String, float[]> results = new HashMap<>();
        try {
            for (Map.Entry<String, TensorBuffer> input : inputs.entrySet()) {
                input.getValue().writeFloat(values.get(input.getKey()));
            }
            model.run(inputs, outputs, null);
            for (Map.Entry<String, TensorBuffer> output : outputs.entrySet()) {
                results.put(output.getKey(), output.getValue().readFloat());
            }
        } catch (LiteRtException error) {
            throw new IllegalStateException(error);
        }
        return results;
    }

    @Override
    public void close() {
        inputs.values().forEach(TensorBuffer::close);
        outputs.values().forEach(TensorBuffer::close);
        model.close();
    }
}
