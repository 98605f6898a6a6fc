package smartwatts;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayDeque;

/**
 * Power of each appliance as activations: one runs from the first to the last sample with power, pauses up to its
 * longest one belong to it, and what is too short is none, so that its power is 0. Samples wait while a run
 * may still be too short; that bounds what is kept.
 */
final class Activations {
    /** Takes samples and activations as they are settled. */
    interface Sink {
        /** Number of a sample, W of mains, W of each appliance. */
        void sample(long number, float mains, float[] watts);

        /** Of an appliance by its place; from a sample to another (exclusive), sum and mean of W. */
        void activation(int appliance, long first, long end, double sum, double mean);
    }

    /** How an appliance runs, and the run that goes on, in numbers of samples. */
    static final class Appliance {
        private final double pause; // samples
        private final double shortestS;
        private final int period; // s
        private final double threshold; // W that an activation reaches
        private boolean runs;
        private boolean settled; // long enough
        private long first;
        private long end;
        private double sum;
        private long known; // samples with mains up to its end
        private long since; // and after it
        private float most;

        Appliance(double pauseS, double shortestS, double threshold, int period) {
            this.pause = pauseS / period;
            this.shortestS = shortestS;
            this.period = period;
            this.threshold = threshold;
        }
    }

    private static final class Sample {
        private final float mains;
        private final float[] watts;

        private Sample(float mains, float[] watts) {
            this.mains = mains;
            this.watts = watts;
        }
    }

    private final Appliance[] appliances;
    private final ArrayDeque<Sample> waiting = new ArrayDeque<>();
    private long next;

    Activations(Appliance[] appliances) {
        this.appliances = appliances;
    }

    void push(float mains, float[] watts, Sink sink) {
        waiting.add(new Sample(mains, watts));
        long number = next++;
        for (int k = 0; k < appliances.length; k++) {
            Appliance appliance = appliances[k];
            boolean drawn = watts[k] > 0;
            if (appliance.runs && number + (drawn ? 0 : 1) - appliance.end > appliance.pause) {
                close(k, sink);
            }
            if (drawn) {
                run(appliance, number, watts[k]);
            } else if (!Float.isNaN(watts[k])) {
                appliance.since++;
            }
        }
        settle(sink);
    }

    void end(Sink sink) {
        for (int k = 0; k < appliances.length; k++) {
            if (appliances[k].runs) {
                close(k, sink);
            }
        }
        settle(sink);
    }

    private void run(Appliance appliance, long number, float watts) {
        if (!appliance.runs) {
            appliance.runs = true;
            appliance.settled = false;
            appliance.first = number;
            appliance.sum = 0;
            appliance.known = 0;
            appliance.since = 0;
            appliance.most = 0;
        }
        appliance.sum += watts;
        appliance.known += appliance.since + 1;
        appliance.since = 0;
        appliance.most = Math.max(appliance.most, watts);
        appliance.end = number + 1;
        appliance.settled |= (appliance.end - appliance.first) * appliance.period >= appliance.shortestS;
    }

    private void close(int k, Sink sink) {
        Appliance appliance = appliances[k];
        appliance.runs = false;
        if (!appliance.settled) {
            long number = next - waiting.size();
            for (Sample sample : waiting) {
                if (number >= appliance.first && number < appliance.end && sample.watts[k] > 0) {
                    sample.watts[k] = 0;
                }
                number++;
            }
        } else if (appliance.most >= appliance.threshold) {
            sink.activation(k, appliance.first, appliance.end, appliance.sum, appliance.sum / appliance.known);
        }
    }

    private void settle(Sink sink) {
        long frontier = next;
        for (Appliance appliance : appliances) {
            if (appliance.runs && !appliance.settled) {
                frontier = Math.min(frontier, appliance.first);
            }
        }
        for (long number = next - waiting.size(); number < frontier; number++) {
            Sample sample = waiting.remove();
            sink.sample(number, sample.mains, sample.watts);
        }
    }

    void write(DataOutputStream out) throws IOException {
        out.writeLong(next);
        for (Appliance appliance : appliances) {
            out.writeBoolean(appliance.runs);
            out.writeBoolean(appliance.settled);
            out.writeLong(appliance.first);
            out.writeLong(appliance.end);
            out.writeDouble(appliance.sum);
            out.writeLong(appliance.known);
            out.writeLong(appliance.since);
            out.writeFloat(appliance.most);
        }
        out.writeInt(waiting.size());
        for (Sample sample : waiting) {
            out.writeFloat(sample.mains);
            State.writeFloats(out, sample.watts);
        }
    }

    void read(DataInputStream in) throws IOException {
        next = in.readLong();
        for (Appliance appliance : appliances) {
            appliance.runs = in.readBoolean();
            appliance.settled = in.readBoolean();
            appliance.first = in.readLong();
            appliance.end = in.readLong();
            appliance.sum = in.readDouble();
            appliance.known = in.readLong();
            appliance.since = in.readLong();
            appliance.most = in.readFloat();
        }
        for (int left = in.readInt(); left > 0; left--) {
            Sample sample = new Sample(in.readFloat(), new float[appliances.length]);
            State.readFloats(in, sample.watts);
            waiting.add(sample);
        }
    }
}
