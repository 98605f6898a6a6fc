import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import smartwatts.Model;

/**
 * A model on LiteRT's Python package, on a desktop or a server, where LiteRT has no binding for Java of its own: a
 * process that {@code python3 model_server.py nilm.tflite} (beside this file) starts. One thread at a time.
 */
public final class PythonModel implements Model, AutoCloseable {
    private final Process process;
    private final DataOutputStream requests;
    private final DataInputStream answers;

    public PythonModel(List<String> command) throws IOException {
        process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        requests = new DataOutputStream(new BufferedOutputStream(process.getOutputStream()));
        answers = new DataInputStream(new BufferedInputStream(process.getInputStream()));
    }

    @Override
    public Map<String, float[]> run(Map<String, float[]> inputs) {
        try {
            write(inputs);
            return read();
        } catch (IOException error) {
            throw new UncheckedIOException("the process of the model has ended", error);
        }
    }

    private void write(Map<String, float[]> tensors) throws IOException {
        requests.writeInt(tensors.size());
        for (Map.Entry<String, float[]> tensor : tensors.entrySet()) {
            requests.writeUTF(tensor.getKey());
            requests.writeInt(tensor.getValue().length);
            for (float value : tensor.getValue()) {
                requests.writeFloat(value);
            }
        }
        requests.flush();
    }

    private Map<String, float[]> read() throws IOException {
        Map<String, float[]> tensors = new HashMap<>();
        for (int left = answers.readInt(); left > 0; left--) {
            String name = answers.readUTF();
            float[] values = new float[answers.readInt()];
            for (int i = 0; i < values.length; i++) {
                values[i] = answers.readFloat();
            }
            tensors.put(name, values);
        }
        return tensors;
    }

    /** The process ends as its input does. */
    @Override
    public void close() throws IOException {
        requests.close();
    }
}
