package smartwatts;

import java.io.IOException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A file of {@code forecasting_…} on a home's hours. It keeps nothing: what it looks back on is in the ring. */
public final class Forecaster {
    private static final int NEWEST_CONTRACT = 2;
    private static final int QUANTILES = 3;

    /** How far sums of hours really fall from what the hours suggest. */
    private static final class Factors {
        private final double tilt;
        private final double low;
        private final double middle;
        private final double high;

        private Factors(ModelDetails details, String part) throws IOException {
            tilt = details.number("energy", part, "tilt");
            low = details.number("energy", part, "low");
            middle = details.number("energy", part, "middle");
            high = details.number("energy", part, "high");
        }
    }

    private final CheckedModel model;
    private final Outside outside;
    private final int context;
    private final int horizon;
    private final int around; // hours of the context and ahead of which it gets what is outside
    private final Factors ofDay;
    private final Factors ofHorizon;
    private final boolean leavesOut;

    /** Of a file that needs the meter alone. Throws IOException where it cannot be used. */
    public Forecaster(Model model, ModelDetails details) throws IOException {
        this(model, details, null);
    }

    /** Of a file that wants holidays or temperatures as well. Throws IOException where it cannot be used. */
    public Forecaster(Model model, ModelDetails details, Outside outside) throws IOException {
        CheckedModel checked = new CheckedModel(model, details, "forecasting", NEWEST_CONTRACT);
        this.outside = outside;
        context = details.integer("context_hours");
        horizon = details.integer("horizon");
        around = context + (details.has("outside", "ahead") ? details.integer("outside", "ahead") : 0);
        Map<String, Integer> given = new LinkedHashMap<>();
        given.put("history_w", context);
        given.put("hour_of_week", 1);
        if (outside != null) {
            given.put("holiday", around);
            given.put("temperature_c", around);
        }
        this.model = checked.expect(given, Collections.singletonMap("power_w", horizon * QUANTILES));
        boolean energy = details.has("energy", "day");
        ofDay = energy ? new Factors(details, "day") : null;
        ofHorizon = energy ? new Factors(details, "horizon") : null;
        leavesOut = !details.leftOut().isEmpty();
    }

    /** From the first hour that is not over; empty where the ring knows no hour before it. */
    public Optional<Forecast> forecast(LocalHours hours, long now) {
        long origin = hours.next(now);
        Map<String, float[]> inputs = inputs(hours, origin);
        if (isEmpty(inputs.get("history_w"))) {
            return Optional.empty();
        }
        float[] power = model.run(inputs).get("power_w");
        WallClock clock = hours.clock();
        List<Forecast.Hour> rows = new ArrayList<>();
        for (int i = 0; i < horizon; i++) {
            float p10 = power[QUANTILES * i];
            float p50 = power[QUANTILES * i + 1];
            float p90 = power[QUANTILES * i + 2];
            if (!leavesOut || !Float.isNaN(p10 + p50 + p90)) {
                for (Span time : clock.real(origin + i)) {
                    rows.add(new Forecast.Hour(time, p10, p50, p90));
                }
            }
        }
        long issuedAt = clock.real(origin).get(0).start;
        return Optional.of(new Forecast(issuedAt, rows, energy(clock, origin, power)));
    }

    private Map<String, float[]> inputs(LocalHours hours, long origin) {
        Map<String, float[]> inputs = new LinkedHashMap<>();
        inputs.put("history_w", hours.history(origin, context));
        inputs.put("hour_of_week", new float[] {WallClock.hourOfWeek(origin)});
        if (model.takes("holiday")) {
            float[] holidays = new float[around];
            for (int i = 0; i < around; i++) {
                long day = WallClock.dayOf(origin - context + i);
                holidays[i] = outside.isHoliday(LocalDate.ofEpochDay(day)) ? 1 : 0;
            }
            inputs.put("holiday", holidays);
        }
        if (model.takes("temperature_c")) {
            float[] temperatures = new float[around];
            for (int i = 0; i < around; i++) {
                temperatures[i] = outside.temperature(origin - context + i);
            }
            inputs.put("temperature_c", temperatures);
        }
        return inputs;
    }

    private List<Forecast.Energy> energy(WallClock clock, long origin, float[] power) {
        List<Forecast.Energy> rows = new ArrayList<>();
        if (ofDay == null) {
            return rows;
        }
        for (int first = 0, end; first < horizon; first = end) {
            long day = WallClock.dayOf(origin + first);
            end = (int) Math.min(horizon, (day + 1) * WallClock.DAY_H - origin);
            add(rows, sum(LocalDate.ofEpochDay(day).toString(), ofDay, clock, origin, power, first, end));
        }
        add(rows, sum("horizon", ofHorizon, clock, origin, power, 0, horizon));
        return rows;
    }

    /** Leaves out what the clock skips whole, and where hours are left out, what these are a part of. */
    private void add(List<Forecast.Energy> rows, Forecast.Energy row) {
        if (row.hours > 0 && !(leavesOut && Double.isNaN(row.p10 + row.p50 + row.p90))) {
            rows.add(row);
        }
    }

    private static Forecast.Energy sum(
            String period, Factors factors, WallClock clock, long origin, float[] power, int first, int end) {
        double lasting = 0;
        double centre = 0;
        double width = 0;
        for (int i = first; i < end; i++) {
            double hours = clock.seconds(origin + i) / (double) WallClock.HOUR_S;
            double low = power[QUANTILES * i] * hours / 1000;
            double middle = power[QUANTILES * i + 1] * hours / 1000;
            double high = power[QUANTILES * i + 2] * hours / 1000;
            lasting += hours;
            centre += middle + factors.tilt * (high + low - 2 * middle);
            width += high - low;
        }
        return new Forecast.Energy(period, lasting, centre + width * factors.low, centre + width * factors.middle,
                centre + width * factors.high);
    }

    private static boolean isEmpty(float[] history) {
        for (float value : history) {
            if (!Float.isNaN(value)) {
                return false;
            }
        }
        return true;
    }
}
