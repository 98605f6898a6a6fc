package smartwatts;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A file of {@code nilm} on a home's mains, as it is read. What is settled no later reading changes; it comes
 * about a window after its readings. {@link #soFar} tells the rest as it looks now.
 */
public final class NilmPredictor {
    private static final int NEWEST_CONTRACT = 1;
    private static final float ROOM_W = 20;
    private static final double LONGEST = 1.1; // periods
    private static final double W_S_A_KWH = 3.6e6;

    /** What the samples of one local day add up to. */
    private static final class DaySum {
        private final double[] energy;
        private final BaseLoad base = new BaseLoad();
        private long samples;

        private DaySum(int parts) {
            energy = new double[parts];
        }
    }

    private final Model model;
    private final ModelDetails details;
    private final WallClock clock;
    private final List<String> appliances;
    private final int window;
    private final int period;
    private final double[] cuts;
    private final Sliding sliding;
    private final Activations activations;
    private final TreeMap<Long, DaySum> days = new TreeMap<>();
    private boolean begun;
    private long first; // the first sample, in periods since the epoch
    private long cell; // the sample that is being measured
    private long last = Long.MIN_VALUE; // end of the last reading
    private double energy; // of the sample, W s
    private double covered; // s

    /** Of a file and a home's zone. Throws IOException where the file cannot be used. */
    public NilmPredictor(Model model, ModelDetails details, ZoneId zone) throws IOException {
        CheckedModel checked = new CheckedModel(model, details, "nilm", NEWEST_CONTRACT);
        this.model = model;
        this.details = details;
        clock = new WallClock(zone);
        appliances = details.names("appliances");
        window = details.integer("window");
        period = details.integer("period_s");
        if (period < 1 || window < 2 || window % 2 != 0) {
            throw new IOException("no windows that overlap by half: " + window + " samples of " + period + " s");
        }
        int count = appliances.size();
        Map<String, Integer> wanted = new LinkedHashMap<>();
        wanted.put("power_w", window * count);
        wanted.put("on_probability", window * count);
        checked.expect(Collections.singletonMap("mains_w", window), wanted);
        cuts = new double[count];
        Activations.Appliance[] runs = new Activations.Appliance[count];
        for (int k = 0; k < count; k++) {
            String name = appliances.get(k);
            cuts[k] = details.number("on_cuts", name);
            runs[k] = new Activations.Appliance(
                    details.number("durations", name, "pause_s"), details.number("durations", name, "shortest_s"),
                    details.number("on_thresholds_w", name), period);
        }
        sliding = new Sliding(checked, window, count);
        activations = new Activations(runs);
    }

    /** Names, in the order of all arrays. */
    public List<String> appliances() {
        return Collections.unmodifiableList(appliances);
    }

    /**
     * Mean power from {@code start} to {@code end}, seconds since the epoch, UTC, in the order of time; NaN says
     * nothing. Gives what is settled by it. Throws IllegalArgumentException for a reading that is out of order,
     * or coarser than the file's period.
     */
    public Appliances add(long start, long end, double watts) {
        if (end <= start || start < last || Double.isInfinite(watts)) {
            throw new IllegalArgumentException("no reading after " + last + ": " + watts + " W from " + start + " to "
                    + end);
        }
        if (end - start > LONGEST * period) {
            throw new IllegalArgumentException("a reading of " + (end - start) + " s, where the file takes mains every "
                    + period + " s");
        }
        Appliances settled = new Appliances();
        if (Double.isNaN(watts)) {
            return settled;
        }
        if (!begun) {
            begun = true;
            first = Math.floorDiv(start, (long) period);
            cell = first;
        }
        long next;
        for (long at = start; at < end; at = next) {
            measureUntil(Math.floorDiv(at, (long) period), settled);
            next = Math.min(end, (cell + 1) * period);
            energy += watts * (next - at);
            covered += next - at;
        }
        last = end;
        return settled;
    }

    /** What {@code predict} would tell of readings that end here, beyond what is settled. */
    public Appliances soFar() {
        Appliances rest = new Appliances();
        NilmPredictor copy;
        try {
            copy = restore(model, details, clock.zone, state());
        } catch (IOException error) { // of a state that was written just now
            throw new UncheckedIOException(error);
        }
        if (begun) {
            copy.measureUntil(cell + 1, rest);
            copy.sliding.end((mains, power, on) -> copy.take(mains, power, on, rest));
            copy.activations.end(copy.into(rest));
            copy.days.forEach((day, sum) -> rest.days.add(copy.dayOf(day, sum)));
        }
        return rest;
    }

    /** Closes the samples before one; those without a reading are missing. */
    private void measureUntil(long sample, Appliances settled) {
        while (cell < sample) {
            boolean enough = covered > 0 && covered * 2 >= period;
            float mains = enough ? (float) (energy / covered) : Float.NaN;
            energy = 0;
            covered = 0;
            cell++;
            sliding.push(mains, (watts, power, on) -> take(watts, power, on, settled));
        }
    }

    /** A sample as the windows give it: no power without on-state, and together no more than mains. */
    private void take(float mains, float[] power, float[] on, Appliances settled) {
        float total = 0;
        float[] watts = new float[power.length];
        for (int k = 0; k < watts.length; k++) {
            boolean finite = Float.isFinite(power[k]) && Float.isFinite(on[k]);
            watts[k] = !finite ? Float.NaN : on[k] < cuts[k] ? 0 : power[k];
            total += watts[k];
        }
        float most = mains > ROOM_W ? mains + ROOM_W : Float.POSITIVE_INFINITY;
        float share = Math.min(1, most / Math.max(total, 1e-9f));
        for (int k = 0; k < watts.length; k++) {
            watts[k] *= share;
        }
        activations.push(mains, watts, into(settled));
    }

    private Activations.Sink into(Appliances settled) {
        return new Activations.Sink() {
            @Override
            public void sample(long number, float mains, float[] watts) {
                long start = (first + number) * period;
                endDays(start, settled);
                if (!Float.isNaN(mains)) {
                    settled.power.add(new Appliances.Power(start, mains, watts));
                    addToDay(start, mains, watts);
                }
            }

            @Override
            public void activation(int k, long from, long to, double sum, double mean) {
                settled.activations.add(new Appliances.Activation(appliances.get(k), (first + from) * period,
                        (first + to) * period, sum * period / W_S_A_KWH, mean));
            }
        };
    }

    private void addToDay(long start, float mains, float[] watts) {
        DaySum sum = days.computeIfAbsent(clock.dayAt(start), day -> new DaySum(watts.length + 1));
        float rest = mains;
        for (int k = 0; k < watts.length; k++) {
            sum.energy[k] += watts[k] * period / W_S_A_KWH;
            rest -= watts[k];
        }
        sum.energy[watts.length] += rest * period / W_S_A_KWH;
        sum.base.add(start, rest, mains);
        sum.samples++;
    }

    /** Hands out days that are over at an instant. */
    private void endDays(long now, Appliances settled) {
        while (!days.isEmpty() && days.firstKey() < clock.dayAt(now)
                && clock.over((days.firstKey() + 1) * WallClock.DAY_H - 1) <= now) {
            Map.Entry<Long, DaySum> day = days.pollFirstEntry();
            settled.days.add(dayOf(day.getKey(), day.getValue()));
        }
    }

    private Appliances.Day dayOf(long day, DaySum sum) {
        double hours = sum.samples * (double) period / WallClock.HOUR_S;
        double base = sum.base.watts(period) * hours / 1000;
        return new Appliances.Day(LocalDate.ofEpochDay(day), sum.energy, base, hours);
    }

    /** What survives a restart. */
    public byte[] state() {
        return State.write(name(), this::write);
    }

    /**
     * One as it was. Throws IOException where the state is damaged, or of another zone, or of a file with other
     * appliances or windows; a newer version of the same goes on with it.
     */
    public static NilmPredictor restore(Model model, ModelDetails details, ZoneId zone, byte[] state)
            throws IOException {
        NilmPredictor predictor = new NilmPredictor(model, details, zone);
        return State.read(predictor.name(), state, predictor::read);
    }

    private String name() {
        return "nilm 2 of " + appliances + ", " + window + " x " + period + " s, in " + clock.zone;
    }

    private void write(DataOutputStream out) throws IOException {
        out.writeBoolean(begun);
        out.writeLong(first);
        out.writeLong(cell);
        out.writeLong(last);
        out.writeDouble(energy);
        out.writeDouble(covered);
        sliding.write(out);
        activations.write(out);
        out.writeInt(days.size());
        for (Map.Entry<Long, DaySum> day : days.entrySet()) {
            out.writeLong(day.getKey());
            out.writeLong(day.getValue().samples);
            for (double part : day.getValue().energy) {
                out.writeDouble(part);
            }
            day.getValue().base.write(out);
        }
    }

    private NilmPredictor read(DataInputStream in) throws IOException {
        begun = in.readBoolean();
        first = in.readLong();
        cell = in.readLong();
        last = in.readLong();
        energy = in.readDouble();
        covered = in.readDouble();
        sliding.read(in);
        activations.read(in);
        for (int left = in.readInt(); left > 0; left--) {
            DaySum sum = new DaySum(appliances.size() + 1);
            days.put(in.readLong(), sum);
            sum.samples = in.readLong();
            for (int k = 0; k < sum.energy.length; k++) {
                sum.energy[k] = in.readDouble();
            }
            sum.base.read(in);
        }
        return this;
    }
}
