import java.io.File;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.Map;
import org.tensorflow.lite.Interpreter;
import smartwatts.Model;

/**
 * A model on LiteRT's Interpreter, on Android. Needs {@code com.google.ai.edge.litert:litert:1.4.0} (or
 * {@code org.tensorflow:tensorflow-lite}), so it does not compile here; its types are tested against that API's
 * signatures. One thread at a time.
 */
public final class InterpreterModel implements Model, AutoCloseable {
    private final Interpreter interpreter;
    private final String signature;

    public InterpreterModel(File file) {
        interpreter = new Interpreter(file);
        signature = interpreter.getSignatureKeys()[0];
    }

    @Override
    public Map<String, float[]> run(Map<String, float[]> inputs) {
        Map<String, Object> given = new HashMap<>();
        inputs.forEach((name, values) -> given.put(name, FloatBuffer.wrap(values)));
        Map<String, Object> taken = new HashMap<>();
        Map<String, float[]> outputs = new HashMap<>();
        for (String name : interpreter.getSignatureOutputs(signature)) {
            int size = interpreter.getOutputTensorFromSignature(name, signature).numElements();
            outputs.put(name, new float[size]);
            taken.put(name, FloatBuffer.wrap(outputs.get(name)));
        }
        interpreter.runSignature(given, taken, signature);
        return outputs;
    }

    @Override
    public void close() {
        interpreter.close();
    }
}
