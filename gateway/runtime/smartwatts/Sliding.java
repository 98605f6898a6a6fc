package smartwatts;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;

/**
 * Windows slid over a series and put together again: half of each overlaps the next, and samples near a window's
 * centre weigh most. A sample is settled once both of its windows are computed; this keeps a window of them.
 */
final class Sliding {
    /** Takes samples in their order. */
    interface Sink {
        /** W of mains; power (W) and on-probability of each appliance, NaN where mains is missing. */
        void sample(float mains, float[] power, float[] on);
    }

    private final CheckedModel model;
    private final int half;
    private final int count;
    private final float[] weight;
    private final float[] older; // mains of the half whose first window is computed
    private final float[] newer; // mains of the half that is being filled
    private int filled;
    private boolean begun; // or the older half lies before the first sample
    private final float[] power; // weighted sums of the older half
    private final float[] on;
    private final float[] weights;

    Sliding(CheckedModel model, int window, int count) {
        this.model = model;
        this.half = window / 2;
        this.count = count;
        weight = new float[window];
        for (int i = 0; i < window; i++) {
            weight[i] = (float) (1 - Math.abs(2.0 * (i + 1) - (window + 1)) / (window + 1)); // Bartlett
        }
        older = missing(half);
        newer = missing(half);
        power = new float[half * count];
        on = new float[half * count];
        weights = new float[half];
    }

    void push(float mains, Sink sink) {
        newer[filled++] = mains;
        if (filled == half) {
            turn(begun ? half : 0, sink);
        }
    }

    /** What is not settled yet, as if nothing came after it. */
    void end(Sink sink) {
        int left = filled;
        if (left > 0) {
            turn(begun ? half : 0, sink);
        }
        turn(left > 0 ? left : begun ? half : 0, sink);
    }

    /** Computes the window of both halves, settles so many samples of the older one, and moves on by one. */
    private void turn(int settled, Sink sink) {
        boolean known = isKnown(older) || isKnown(newer);
        float[][] outputs = known ? forward() : null;
        if (known) {
            join(outputs, 0);
        }
        for (int i = 0; i < settled; i++) {
            float divisor = Math.max(weights[i], 1e-9f);
            boolean missing = Float.isNaN(older[i]);
            float[] powers = new float[count];
            float[] ons = new float[count];
            for (int k = 0; k < count; k++) {
                powers[k] = missing ? Float.NaN : power[i * count + k] / divisor;
                ons[k] = missing ? Float.NaN : on[i * count + k] / divisor;
            }
            sink.sample(older[i], powers, ons);
        }
        Arrays.fill(power, 0);
        Arrays.fill(on, 0);
        Arrays.fill(weights, 0);
        if (known) {
            join(outputs, half);
        }
        System.arraycopy(newer, 0, older, 0, half);
        Arrays.fill(newer, Float.NaN);
        filled = 0;
        begun = true;
    }

    private float[][] forward() {
        float[] window = Arrays.copyOf(older, 2 * half);
        System.arraycopy(newer, 0, window, half, half);
        Map<String, float[]> outputs = model.run(Collections.singletonMap("mains_w", window));
        return new float[][] {outputs.get("power_w"), outputs.get("on_probability")};
    }

    /** Adds half of a window to the sums, from a sample of it on. */
    private void join(float[][] outputs, int from) {
        for (int i = 0; i < half; i++) {
            weights[i] += weight[from + i];
            for (int k = 0; k < count; k++) {
                power[i * count + k] += outputs[0][(from + i) * count + k] * weight[from + i];
                on[i * count + k] += outputs[1][(from + i) * count + k] * weight[from + i];
            }
        }
    }

    private static boolean isKnown(float[] mains) {
        for (float watts : mains) {
            if (!Float.isNaN(watts)) {
                return true;
            }
        }
        return false;
    }

    private static float[] missing(int length) {
        float[] values = new float[length];
        Arrays.fill(values, Float.NaN);
        return values;
    }

    void write(DataOutputStream out) throws IOException {
        out.writeInt(filled);
        out.writeBoolean(begun);
        for (float[] values : new float[][] {older, newer, power, on, weights}) {
            State.writeFloats(out, values);
        }
    }

    void read(DataInputStream in) throws IOException {
        filled = in.readInt();
        begun = in.readBoolean();
        for (float[] values : new float[][] {older, newer, power, on, weights}) {
            State.readFloats(in, values);
        }
    }
}
