import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The Java puller as a client under test of tuf-conformance (its CLIENT-CLI.md): init, refresh,
 * download. Timestamps may live as long as the suite lets them; all else is as in a pull.
 */
final class TufConformance {
    private TufConformance() {}

    public static void main(String[] args) throws Exception {
        Map<String, String> given = new LinkedHashMap<>();
        List<String> targets = new ArrayList<>();
        List<String> words = new ArrayList<>();
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--target-name")) {
                targets.add(args[++i]);
            } else if (args[i].startsWith("--")) {
                given.put(args[i], args[++i]);
            } else {
                words.add(args[i]);
            }
        }
        Path state = Path.of(given.get("--metadata-dir"));
        if (words.get(0).equals("init")) {
            Files.copy(Path.of(words.get(1)), state.resolve("root.json"), StandardCopyOption.REPLACE_EXISTING);
            return;
        }
        try {
            SmartWattsPull.TufClient client = client(state, given);
            client.refresh();
            for (String path : targets) {
                download(client, path, given);
            }
        } catch (SmartWattsPull.PullException error) {
            System.err.println("error: " + error.getMessage());
            System.exit(1);
        }
    }

    /** Paths start with metadata/ or with targets/, each of which has an address of its own. */
    private static SmartWattsPull.Source source(Map<String, String> given) {
        SmartWattsPull.Limits limits = SmartWattsPull.Limits.DEFAULT;
        SmartWattsPull.Web web = new SmartWattsPull.Web(
                limits, new SmartWattsPull.Deadline(limits.deadline()), true);
        return (path, limit) -> {
            int slash = path.indexOf('/') + 1;
            String option = path.startsWith("metadata/") ? "--metadata-url" : "--target-base-url";
            String base = given.get(option).replaceFirst("/*$", "/");
            return web.get(SmartWattsPull.Sources.address(base + path.substring(slash)),
                    address -> Map.of(), limit);
        };
    }

    private static SmartWattsPull.TufClient client(Path state, Map<String, String> given)
            throws Exception {
        SmartWattsPull.Limits known = SmartWattsPull.Limits.DEFAULT;
        SmartWattsPull.Limits limits = new SmartWattsPull.Limits(known.deadline(), known.silence(),
                known.grace(), known.leastBytesPerSecond(), known.attempts(), known.firstPause(), null);
        byte[] root = Files.readAllBytes(state.resolve("root.json"));
        return new SmartWattsPull.TufClient(state, source(given), "metadata/", root, limits);
    }

    private static void download(
            SmartWattsPull.TufClient client, String path, Map<String, String> given) throws Exception {
        SmartWattsPull.Target target = client.target(path);
        Path file = Path.of(given.get("--target-dir")).resolve(path.replace("/", "%2F"));
        if (Files.exists(file) && target.trouble(Files.readAllBytes(file)) == null) {
            return;
        }
        Files.write(file, client.download(target, "targets/", 1 << 20, true));
    }
}
