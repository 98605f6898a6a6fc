import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Many pulls in one JVM, which takes long to start: a line of words in base64 for each, those of
 * the environment (NAME=value) before --, its arguments after. Answers with a line: exit
 * code, output and errors in base64. Servers are given less time than in earnest.
 */
final class Pulls {
    private static final SmartWattsPull.Limits LIMITS = new SmartWattsPull.Limits(
            Duration.ofSeconds(600), Duration.ofMillis(800), Duration.ofMillis(800), 1024, 4,
            Duration.ofMillis(5), Duration.ofDays(4));

    private Pulls() {}

    public static void main(String[] args) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, String> environment = new LinkedHashMap<>();
            List<String> words = new ArrayList<>();
            boolean inEnvironment = true;
            for (String part : line.split(" ", -1)) {
                String word = new String(Base64.getDecoder().decode(part), StandardCharsets.UTF_8);
                if (!inEnvironment) {
                    words.add(word);
                } else if (word.equals("--")) {
                    inEnvironment = false;
                } else {
                    environment.put(word.split("=", 2)[0], word.split("=", 2)[1]);
                }
            }
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ByteArrayOutputStream err = new ByteArrayOutputStream();
            int code = SmartWattsPull.run(words.toArray(String[]::new), environment,
                    new PrintStream(out, true, StandardCharsets.UTF_8),
                    new PrintStream(err, true, StandardCharsets.UTF_8), LIMITS);
            Base64.Encoder encoder = Base64.getEncoder();
            System.out.println(code + " " + encoder.encodeToString(out.toByteArray()) + " "
                    + encoder.encodeToString(err.toByteArray()));
        }
    }
}
