import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.ZoneId;
import java.util.Optional;
import smartwatts.Appliances;
import smartwatts.AnomalyScorer;
import smartwatts.Forecast;
import smartwatts.Forecaster;
import smartwatts.LocalHours;
import smartwatts.Model;
import smartwatts.ModelDetails;
import smartwatts.NilmPredictor;
import smartwatts.ScoredHour;

/** A home with all three kinds of model: what an app does with a reading, every hour, and before it ends. */
public final class Home {
    private static final int HOURS = 672;

    /** What the app opens files with: {@code InterpreterModel}, {@code CompiledModelModel}, {@code PythonModel}. */
    public interface Opener {
        Model open(File file, ModelDetails details) throws IOException;
    }

    /** What reads a state that was kept; it refuses one that is damaged. */
    private interface Restorer<T> {
        T restore(byte[] state) throws IOException;
    }

    private final Path folder;
    private final LocalHours hours;
    private final NilmPredictor nilm;
    private final Forecaster forecaster;
    private final AnomalyScorer scorer;

    /** {@code models}: the folder that was pulled; {@code folder}: where states are kept. */
    public Home(File models, Path folder, ZoneId zone, Opener opener) throws IOException {
        this.folder = folder;
        hours = kept("hours", new LocalHours(zone, HOURS), state -> LocalHours.restore(zone, HOURS, state));
        File file = new File(models, "nilm.tflite");
        ModelDetails details = details(file);
        Model model = opener.open(file, details);
        nilm = kept("nilm", new NilmPredictor(model, details, zone),
                state -> NilmPredictor.restore(model, details, zone, state));
        File ofDay = new File(models, "forecasting_24h.tflite");
        forecaster = new Forecaster(opener.open(ofDay, details(ofDay)), details(ofDay));
        File oddities = new File(models, "anomaly.tflite");
        ModelDetails known = details(oddities);
        Model watching = opener.open(oddities, known);
        scorer = kept("anomaly", new AnomalyScorer(watching, known),
                state -> AnomalyScorer.restore(watching, known, state));
    }

    private static ModelDetails details(File file) throws IOException {
        return ModelDetails.of(Files.readAllBytes(file.toPath()));
    }

    /** Each reading of the meter, in the order of time. */
    public void read(long start, long end, double watts) {
        hours.add(start, end, watts);
        show(nilm.add(start, end, watts));
    }

    /** Every hour. */
    public void hourly(long now) {
        for (ScoredHour hour : scorer.update(hours, now)) {
            if (hour.alert != null) {
                System.out.println(hour.alert.severity + ": " + hour.alert.message);
            }
        }
        Optional<Forecast> forecast = forecaster.forecast(hours, now);
        forecast.ifPresent(f -> f.energy.forEach(part -> System.out.println(part.period + ": " + part.p50 + " kWh")));
    }

    /** What runs now, and what today has used. */
    public void now() {
        show(nilm.soFar());
    }

    private void show(Appliances appliances) {
        appliances.activations.forEach(a -> System.out.println(a.appliance + ": " + a.energy + " kWh"));
        appliances.days.forEach(d -> System.out.println(d.day + ": " + d.measuredHours + " h measured"));
    }

    /** From time to time: what is read again after a restart, so that nothing but readings since then is lost. */
    public void keep() throws IOException {
        keep("hours", hours.state());
        keep("nilm", nilm.state());
        keep("anomaly", scorer.state());
    }

    private void keep(String name, byte[] state) throws IOException {
        Path partial = folder.resolve(name + ".part");
        Files.write(partial, state);
        Files.move(partial, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** As it was kept; anew at the first start, and where the state is refused. */
    private <T> T kept(String name, T anew, Restorer<T> restorer) throws IOException {
        Path file = folder.resolve(name);
        if (!Files.exists(file)) {
            return anew;
        }
        byte[] state = Files.readAllBytes(file);
        try {
            return restorer.restore(state);
        } catch (IOException refused) {
            System.err.println(file + ": " + refused.getMessage());
            return anew;
        }
    }
}
