import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Deque;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Pulls verified SmartWatts models into a folder. JDK 17, nothing else:
 *
 * <pre>java SmartWattsPull.java --root https://models.example.org/smartwatts \
 *     --trusted-root root.json --to src/main/resources/models nilm forecasting_24h</pre>
 *
 * A client of The Update Framework (https://theupdateframework.github.io/specification/latest/, its
 * "detailed client workflow"): it trusts the pinned root and nothing that the server says. What it
 * verified before lies in .smartwatts/ of the folder, so that nothing older and nothing else of the
 * same version is taken. A root s3://bucket/prefix is read with the credentials of
 * AWS_ACCESS_KEY_ID and its companions; permission to read is enough. With --vectors the golden
 * vectors of each manifest are run on a program that has a runtime (examples/model_server.py) before
 * a file takes its name. Exit codes: 0 done or up to date, 2 wrong use, 3 something named is not
 * there, 4 the server, what it sends, or the folder.
 */
public final class SmartWattsPull {
    private static final int MAX_ROOT_BYTES = 512_000;
    private static final int MAX_TIMESTAMP_BYTES = 16_384;
    private static final int MAX_SNAPSHOT_BYTES = 2_000_000;
    private static final int MAX_TARGETS_BYTES = 2_000_000;
    private static final int MAX_MANIFEST_BYTES = 1 << 20;
    private static final int MAX_FILE_BYTES = 64 << 20;
    private static final int MAX_SMALL_BYTES = 65_536;
    private static final int MAX_ROOT_ROTATIONS = 256;
    private static final int MAX_ROLES_VISITED = 32;
    private static final long MAX_VERSION = 1_000_000_000;
    private static final byte[] IDENTIFIER = "TFL3".getBytes(StandardCharsets.US_ASCII);
    private static final Pattern MODEL = Pattern.compile("[a-z][a-z0-9_]{0,63}");
    private static final Set<String> RESERVED =
            Set.of("metadata", "root", "targets", "snapshot", "timestamp");
    private static final String USAGE = "usage: java SmartWattsPull.java --root DIR|URL"
            + " --trusted-root root.json --to DIR [--gateway ID] [--runtime VERSION]"
            + " [--header-file FILE] [--deadline SECONDS] [--vectors COMMAND] [MODEL]...";
    private static final String TOKEN = "SMARTWATTS_PULL_TOKEN";
    private static final String CANDIDATE = "candidate";
    private static final int WRONG_USE = 2;
    private static final int NOT_THERE = 3;
    private static final int REFUSED = 4;

    private SmartWattsPull() {}

    /** Something that stops a pull; the message is for people. */
    static class PullException extends Exception {
        private static final long serialVersionUID = 1L;
        final int code;

        PullException(int code, String message) {
            super(message);
            this.code = code;
        }

        PullException(String message) {
            this(REFUSED, message);
        }
    }

    /** An object that the server does not have, or keeps to itself. */
    static final class AbsentException extends PullException {
        private static final long serialVersionUID = 1L;

        AbsentException(String message) {
            super(message);
        }
    }

    /** How long things may take: a whole pull, silence of a server, and the rate after a grace. */
    record Limits(Duration deadline, Duration silence, Duration grace, int leastBytesPerSecond,
            int attempts, Duration firstPause, Duration longestTimestamp) {
        static final Limits DEFAULT = new Limits(Duration.ofSeconds(600), Duration.ofSeconds(15),
                Duration.ofSeconds(15), 1024, 4, Duration.ofMillis(250), Duration.ofDays(4));

        Limits within(Duration whole) {
            return new Limits(
                    whole, silence, grace, leastBytesPerSecond, attempts, firstPause, longestTimestamp);
        }
    }

    /** The moment at which a pull has to be over. */
    static final class Deadline {
        private final long end;

        Deadline(Duration whole) {
            end = System.nanoTime() + whole.toNanos();
        }

        long leftNanos() {
            return end - System.nanoTime();
        }

        /** The result of something that may hang: a mounted folder, a lock. */
        <T> T within(Callable<T> call, String what) throws PullException {
            FutureTask<T> task = new FutureTask<>(call);
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            thread.start();
            try {
                return task.get(Math.max(1, leftNanos()), TimeUnit.NANOSECONDS);
            } catch (TimeoutException error) {
                throw new PullException(what + " took too long (--deadline)");
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
                throw new PullException("interrupted");
            } catch (ExecutionException error) {
                if (error.getCause() instanceof PullException known) {
                    throw known;
                }
                if (error.getCause() instanceof IOException problem) {
                    throw new PullException("cannot read " + what + ": " + reason(problem));
                }
                throw new IllegalStateException(error.getCause());
            }
        }
    }

    /** Where objects come from. */
    interface Source {
        /** An object of at most this many bytes. Throws AbsentException where it is not there. */
        byte[] read(String path, int limit) throws PullException;
    }

    /** The command line. */
    record Options(String root, Path trustedRoot, Path to, Map<String, String> headers, Limits limits,
            Gateway gateway, List<String> models, List<String> vectors) {}

    public static void main(String[] args) {
        int code = run(args, System.getenv(), System.out, System.err, Limits.DEFAULT);
        if (code != 0) {
            System.exit(code);
        }
    }

    /** A whole pull; its exit code. */
    static int run(String[] args, Map<String, String> environment, PrintStream out, PrintStream err,
            Limits limits) {
        try {
            return new Pull(parse(args, environment, limits), environment).run(out, err);
        } catch (PullException error) {
            err.println("error: " + printable(error.getMessage()));
            if (error.code == WRONG_USE) {
                err.println(USAGE);
            }
            return error.code;
        }
    }

    /** Text that others wrote, without what moves a terminal's cursor or turns its letters. */
    static String printable(String text) {
        StringBuilder built = new StringBuilder();
        text.codePoints().limit(2000).forEach(point -> {
            int type = Character.getType(point);
            boolean odd = Character.isISOControl(point) || type == Character.FORMAT
                    || type == Character.LINE_SEPARATOR || type == Character.PARAGRAPH_SEPARATOR
                    || type == Character.SURROGATE || type == Character.UNASSIGNED;
            built.appendCodePoint(odd ? '?' : point);
        });
        return built.toString();
    }

    private static String reason(IOException error) {
        if (error instanceof FileSystemException problem && problem.getReason() != null) {
            return problem.getReason();
        }
        String name = error.getClass().getSimpleName();
        return error.getMessage() == null ? name : name + " " + error.getMessage();
    }

    // A pull

    /** A file to write: its name and its bytes. */
    record Change(String name, byte[] data) {}

    /** A version: the model's file and its manifest, as signed metadata of a serial name them. */
    record Version(String model, long number, Target file, Target manifest, long serial, String ring) {
        /** What is noted of it beside the metadata, the same by both pullers. */
        byte[] note() {
            return utf8("{\"model\":\"" + model + "\",\"ring\":\"" + ring + "\",\"serial\":" + serial
                    + ",\"version\":" + number + "}\n");
        }

        String fileName() {
            return model + "_v" + number + ".tflite";
        }

        String manifestName() {
            return model + "_v" + number + ".json";
        }

        String stableName() {
            return model + ".tflite";
        }
    }

    /** What a model needs, verified, and what to say when it is done. */
    record Pulled(Version version, List<Change> changes, String line) {}

    /** Pulls models into one folder. */
    static final class Pull {
        private static final Pattern FILE = Pattern.compile("([a-z][a-z0-9_]*)_v([1-9][0-9]{0,15})\\.tflite");
        private final Options options;
        private final Folder folder;
        private final Source source;
        private final Deadline deadline;
        private TufClient client;

        Pull(Options options, Map<String, String> environment) throws PullException {
            this.options = options;
            this.deadline = new Deadline(options.limits().deadline());
            this.source = Sources.open(options, environment, deadline);
            this.folder = new Folder(options.to());
        }

        int run(PrintStream out, PrintStream err) throws PullException {
            byte[] pinned = pinnedRoot();
            FileLock lock = folder.lock(deadline);
            try {
                folder.removeLeftovers();
                client = new TufClient(
                        folder.state(), source, "models/metadata/", pinned, options.limits());
                client.refresh();
                return pullAll(out, err);
            } finally {
                folder.unlock(lock);
            }
        }

        private byte[] pinnedRoot() throws PullException {
            Path path = options.trustedRoot();
            byte[] data;
            try {
                data = Files.isRegularFile(path) ? bounded(path, MAX_ROOT_BYTES) : null;
            } catch (IOException error) {
                throw new PullException(NOT_THERE, "cannot read " + path + ": " + reason(error));
            }
            if (data == null) {
                throw new PullException(NOT_THERE, "no trusted root " + path);
            }
            try {
                TufClient.trustedRoot(data, path.toString());
            } catch (PullException error) {
                throw new PullException(NOT_THERE, error.getMessage());
            }
            return data;
        }

        /** Every model that can be pulled is; the first trouble gives the exit code. */
        private int pullAll(PrintStream out, PrintStream err) throws PullException {
            List<Pulled> pulled = new ArrayList<>();
            List<PullException> troubles = new ArrayList<>();
            for (String model : wanted()) {
                try {
                    pulled.add(pull(model));
                } catch (PullException error) {
                    troubles.add(error);
                }
            }
            folder.write(pulled);
            pulled.forEach(item -> out.println(item.line()));
            troubles.forEach(error -> err.println("error: " + printable(error.getMessage())));
            return troubles.stream().mapToInt(error -> error.code).max().orElse(0);
        }

        private Set<String> wanted() throws PullException {
            if (!options.models().isEmpty()) {
                return new LinkedHashSet<>(options.models());
            }
            Set<String> published = new LinkedHashSet<>();
            for (Delegation delegation : client.delegations()) {
                if (MODEL.matcher(delegation.name()).matches()
                        && !RESERVED.contains(delegation.name()) && client.isPublished(delegation.name())) {
                    published.add(delegation.name());
                }
            }
            if (published.isEmpty()) {
                throw new PullException(NOT_THERE, "no model has been published in "
                        + Sources.shown(options.root()) + " (check --root)");
            }
            return published;
        }

        /** Everything that brings one model up to date, verified; nothing is written yet. */
        private Pulled pull(String model) throws PullException {
            if (client.delegations().stream().noneMatch(one -> one.name().equals(model))) {
                throw new PullException(NOT_THERE, "there is no model " + model + " in "
                        + Sources.shown(options.root()));
            }
            if (!client.isPublished(model)) {
                throw new PullException(NOT_THERE, model + " has not been published yet");
            }
            Version version = wanted(model);
            boolean current = folder.holds(version);
            List<Change> changes = current ? List.of() : files(version);
            if (!options.vectors().isEmpty()) {
                runVectors(version, changes);
            }
            String what = current ? " up to date: " : " updated: ";
            String ring = version.ring().equals(CANDIDATE) ? " (candidate)" : "";
            String line = model + " v" + version.number() + ring + what
                    + options.to().resolve(version.stableName());
            return new Pulled(version, changes, line);
        }

        /** Throws where the file, verified and not yet in its place, computes something else than it should. */
        private void runVectors(Version version, List<Change> changes) throws PullException {
            byte[] file = changes.isEmpty()
                    ? folder.read(version.fileName(), MAX_FILE_BYTES) : changes.get(0).data();
            byte[] manifest = changes.isEmpty()
                    ? folder.read(version.manifestName(), MAX_MANIFEST_BYTES) : changes.get(1).data();
            String what = version.model() + " v" + version.number();
            Vectors vectors = Vectors.of(manifest, what);
            Path staged = folder.stage(version.fileName(), file);
            try {
                vectors.run(options.vectors(), staged.resolve(version.fileName()), deadline);
            } finally {
                folder.clean(staged);
            }
        }

        /** What is in force, or the candidate where that is meant for this gateway. */
        private Version wanted(String model) throws PullException {
            Document role = client.role(model);
            List<Target> files = targets(role).values().stream()
                    .filter(one -> one.path().endsWith(".tflite")).toList();
            if (files.size() != 1) {
                throw new PullException(
                        "the metadata of " + model + " names " + files.size() + " files, not one");
            }
            String path = files.get(0).path();
            java.util.regex.Matcher name = FILE.matcher(path.substring(path.lastIndexOf('/') + 1));
            if (!name.matches() || !name.group(1).equals(model)
                    || !path.equals(model + "/" + name.group())) {
                throw new PullException("the metadata of " + model + " names " + path
                        + ", which is no file of it");
            }
            long number = Long.parseLong(name.group(2));
            if (!Long.valueOf(number).equals(files.get(0).custom().get("version"))) {
                throw new PullException(path + " is said to be another version than its name says");
            }
            Candidate candidate;
            try {
                candidate = Candidate.of(files.get(0).custom(), number);
            } catch (FormException error) {
                throw new PullException(
                        "the candidate in the metadata of " + model + " " + error.getMessage());
            }
            if (candidate != null && options.gateway() != null
                    && candidate.isFor(model, options.gateway(), Instant.now())) {
                return candidatesFiles(model, role.version(), candidate);
            }
            String manifest = model + "/" + model + "_v" + number + ".json";
            return new Version(
                    model, number, client.target(path), client.target(manifest), role.version(), "champion");
        }

        /** The manifest is a target of its own; the file is named with the candidate, since those who
         * know none take the role's one file for what is in force. */
        private Version candidatesFiles(String model, long serial, Candidate candidate)
                throws PullException {
            String base = model + "/" + model + "_v" + candidate.version();
            Target file = new Target(base + ".tflite", candidate.length(),
                    Map.of("sha256", candidate.sha256()), Map.of());
            return new Version(
                    model, candidate.version(), file, client.target(base + ".json"), serial, CANDIDATE);
        }

        /** The files of a version, in the order in which they take their names. */
        private List<Change> files(Version version) throws PullException {
            byte[] manifest = client.download(version.manifest(), "models/", MAX_MANIFEST_BYTES, false);
            byte[] file = client.download(version.file(), "models/", MAX_FILE_BYTES, false);
            if (file.length < 8 || !Arrays.equals(file, 4, 8, IDENTIFIER, 0, 4)) {
                throw new PullException(version.file().path()
                        + " is not a .tflite file: it lacks the identifier TFL3");
            }
            return List.of(
                    new Change(version.fileName(), file),
                    new Change(version.manifestName(), manifest),
                    new Change(version.stableName(), file));
        }
    }

    // Rings

    /** Who pulls: an id, and the version of LiteRT that it has, null where it does not say. */
    record Gateway(String id, String runtime) {}

    /** A version that some gateways take, below a share of 10,000: what is signed with the file in
     * force says so. The id of a gateway gives it a place, another one for every salt. */
    record Candidate(long version, long length, String sha256, long share, String salt, Instant since,
            Instant until, String runtime) {
        private static final long ALL = 10_000;
        static final Pattern ID = Pattern.compile("[A-Za-z0-9._:@-]{1,128}");
        static final Pattern RUNTIME = Pattern.compile("[0-9]{1,9}(\\.[0-9]{1,9}){0,3}");
        private static final Pattern SALT = Pattern.compile("[A-Za-z0-9]{1,64}");
        private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

        /** What is said of a candidate; null where there is none. */
        static Candidate of(Map<String, Object> custom, long champion) throws FormException {
            if (custom.get("candidate") == null) {
                return null;
            }
            if (!(custom.get("candidate") instanceof Map<?, ?> said)) {
                throw new FormException("is no object");
            }
            boolean anyRuntime = !said.containsKey("runtime") || "".equals(said.get("runtime"));
            Candidate candidate = new Candidate(whole(said, "version", 1, MAX_VERSION),
                    whole(said, "length", 0, Long.MAX_VALUE), text(said, "sha256", SHA256),
                    whole(said, "share", 0, ALL), text(said, "salt", SALT), time(said, "since"),
                    time(said, "until"), anyRuntime ? "" : text(said, "runtime", RUNTIME));
            if (candidate.version() == champion) {
                throw new FormException("is the version in force");
            }
            if (!candidate.since().isBefore(candidate.until())) {
                throw new FormException("ends before it begins");
            }
            return candidate;
        }

        boolean isFor(String model, Gateway gateway, Instant now) {
            return !now.isBefore(since) && now.isBefore(until)
                    && place(salt, model, gateway.id()) < share && reaches(gateway.runtime(), runtime);
        }

        /** The place of a gateway, 0 to 9,999: the first 8 bytes of a SHA-256, scaled. */
        static long place(String salt, String model, String gateway) {
            byte[] digest = digest("SHA-256", utf8(salt + "|" + model + "|" + gateway));
            BigInteger first = new BigInteger(1, Arrays.copyOf(digest, 8));
            return first.multiply(BigInteger.valueOf(ALL)).shiftRight(64).longValueExact();
        }

        /** Whether a runtime is new enough; one that is not known is not. */
        private static boolean reaches(String has, String least) {
            return least.isEmpty() || (has != null && Arrays.compare(numbers(has), numbers(least)) >= 0);
        }

        /** Four of them, so that 2.3 is 2.3.0. */
        private static int[] numbers(String version) {
            return Arrays.copyOf(
                    Arrays.stream(version.split("\\.")).mapToInt(Integer::parseInt).toArray(), 4);
        }

        private static long whole(Map<?, ?> said, String name, long least, long most) throws FormException {
            if (said.get(name) instanceof Long value && value >= least && value <= most) {
                return value;
            }
            throw new FormException("has a " + name + " that is none");
        }

        private static String text(Map<?, ?> said, String name, Pattern form) throws FormException {
            if (said.get(name) instanceof String value && form.matcher(value).matches()) {
                return value;
            }
            throw new FormException("has a " + name + " that is none");
        }

        private static Instant time(Map<?, ?> said, String name) throws FormException {
            try {
                return Instant.parse(text(said, name, Form.TIME));
            } catch (DateTimeException error) {
                throw new FormException("has a " + name + " that is none");
            }
        }
    }

    // The folder

    /** The folder that an app ships, and .smartwatts/ in it with what was verified before. */
    static final class Folder {
        private static final String STATE = ".smartwatts";
        private static final String STAGED = "staged-";
        private final Path path;

        Folder(Path path) {
            this.path = path;
        }

        Path state() {
            return path.resolve(STATE).resolve("metadata");
        }

        /** Waits for another pull into this folder. */
        FileLock lock(Deadline deadline) throws PullException {
            FileChannel channel;
            try {
                Files.createDirectories(state());
                channel = FileChannel.open(path.resolve(STATE).resolve("lock"),
                        StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            } catch (IOException error) {
                throw cannotWrite(error);
            }
            try {
                return deadline.within(channel::lock, "another pull into " + path);
            } catch (PullException error) {
                close(channel);
                throw error;
            }
        }

        private void close(FileChannel channel) throws PullException {
            try {
                channel.close();
            } catch (IOException error) {
                throw cannotWrite(error);
            }
        }

        void unlock(FileLock lock) throws PullException {
            close((FileChannel) lock.acquiredBy());
        }

        /** What a pull that was killed left. */
        void removeLeftovers() throws PullException {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(path.resolve(STATE), STAGED + "*")) {
                for (Path leftover : files) {
                    removeTree(leftover);
                }
            } catch (IOException error) {
                throw cannotWrite(error);
            }
        }

        boolean holds(Version version) {
            return isFile(version.stableName(), version.file(), MAX_FILE_BYTES)
                    && isFile(version.fileName(), version.file(), MAX_FILE_BYTES)
                    && isFile(version.manifestName(), version.manifest(), MAX_MANIFEST_BYTES);
        }

        /** A file that {@code holds} saw. */
        byte[] read(String name, int limit) throws PullException {
            try {
                return bounded(path.resolve(name), limit);
            } catch (IOException error) {
                throw new PullException("cannot read " + path.resolve(name) + ": " + reason(error));
            }
        }

        /** A folder with a file that nobody ships yet. */
        Path stage(String name, byte[] data) throws PullException {
            try {
                Path staged = Files.createTempDirectory(path.resolve(STATE), STAGED);
                store(staged.resolve(name), data);
                return staged;
            } catch (IOException error) {
                throw cannotWrite(error);
            }
        }

        private boolean isFile(String name, Target target, int limit) {
            Path file = path.resolve(name);
            try {
                return Files.isRegularFile(file) && Files.size(file) <= limit
                        && target.trouble(bounded(file, limit)) == null;
            } catch (IOException error) {
                return false;
            }
        }

        /** Writes every change or none: all bytes are on the disk before one file takes its name. */
        void write(List<Pulled> pulled) throws PullException {
            List<Change> changes = pulled.stream().flatMap(item -> item.changes().stream()).toList();
            Path staged = null;
            try {
                if (!changes.isEmpty()) {
                    staged = Files.createTempDirectory(path.resolve(STATE), STAGED);
                }
                for (Change change : changes) {
                    store(staged.resolve(change.name()), change.data());
                }
                for (Change change : changes) {
                    checkPlace(path.resolve(change.name()));
                }
                for (Change change : changes) {
                    Files.move(staged.resolve(change.name()), path.resolve(change.name()),
                            StandardCopyOption.ATOMIC_MOVE);
                }
                flush(path);
                for (Pulled item : pulled) {
                    removeOtherVersions(item.version());
                    note(item.version());
                }
            } catch (IOException error) {
                throw cannotWrite(error);
            } finally {
                clean(staged);
            }
        }

        /** Before anything is moved: nothing else is in a file's place. */
        private static void checkPlace(Path file) throws PullException {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new PullException(file + " is no file");
            }
        }

        void clean(Path staged) throws PullException {
            try {
                if (staged != null) {
                    removeTree(staged);
                }
            } catch (IOException error) {
                throw cannotWrite(error);
            }
        }

        /** An app ships its whole folder, so what earlier pulls left goes. */
        private void removeOtherVersions(Version kept) throws IOException {
            Pattern name = Pattern.compile(kept.model() + "_v[1-9][0-9]*\\.(tflite|json)");
            try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
                for (Path file : files) {
                    String found = file.getFileName().toString();
                    if (name.matcher(found).matches() && !found.equals(kept.fileName())
                            && !found.equals(kept.manifestName())) {
                        Files.deleteIfExists(file);
                    }
                }
            }
        }

        /** Says which version it is that lies here, and of which ring. */
        private void note(Version version) throws IOException {
            Path file = path.resolve(STATE).resolve(version.model() + ".json");
            byte[] note = version.note();
            if (Files.isRegularFile(file) && Files.size(file) == note.length
                    && Arrays.equals(Files.readAllBytes(file), note)) {
                return;
            }
            Path temporary = state().resolve(".new-" + ThreadLocalRandom.current().nextLong(Long.MAX_VALUE));
            try {
                store(temporary, note);
                Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(temporary);
            }
        }

        private PullException cannotWrite(IOException error) {
            return new PullException("cannot write " + path + ": " + reason(error));
        }

        /** A file that is on the disk when this returns. */
        static void store(Path file, byte[] data) throws IOException {
            try (FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                ByteBuffer buffer = ByteBuffer.wrap(data);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
                channel.force(true);
            }
        }

        /** Makes new names survive a power cut, where the system lets a folder be flushed. */
        static void flush(Path folder) {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            } catch (IOException error) {
                return; // Windows opens no folders
            }
        }

        private static void removeTree(Path folder) throws IOException {
            if (Files.isDirectory(folder, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
                try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                    for (Path file : files) {
                        removeTree(file);
                    }
                }
            }
            Files.deleteIfExists(folder);
        }
    }

    // Golden vectors

    /** Inputs and outputs of one window, as the manifest has them: an output is every so-manieth value. */
    record Vector(Map<String, float[]> inputs, Map<String, Integer> every, Map<String, double[]> outputs) {}

    /** What a version has to compute, run on a program: it is given the file's path, and speaks as
     * examples/model_server.py does. Inputs are numbers, null where one is missing, [number, times]. */
    record Vectors(String what, List<Vector> vectors, Map<String, Double> tolerances) {
        private static final int MOST_VALUES = MAX_FILE_BYTES / 4;
        private static final int MOST_VECTORS = 16;
        private static final Pattern NUMBER = Pattern.compile("-?[0-9]{1,40}(\\.[0-9]{1,40})?");

        static Vectors of(byte[] manifest, String what) throws PullException {
            try {
                Map<String, Object> whole = Form.object(Json.parse(manifest), "the manifest");
                if (whole.get("runtime") == null) {
                    throw new PullException(what + " has no golden vectors: an earlier version published it");
                }
                Map<String, Object> runtime = Form.object(whole.get("runtime"), "runtime");
                List<Vector> vectors = new ArrayList<>();
                for (Object item : Form.list(runtime.get("vectors"), "vectors")) {
                    vectors.add(vector(Form.object(item, "a vector")));
                }
                Map<String, Double> tolerances = new LinkedHashMap<>();
                for (Map.Entry<String, Object> one : Form.object(runtime.get("tolerances"), "tolerances").entrySet()) {
                    tolerances.put(one.getKey(), number(one.getValue()));
                }
                if (vectors.isEmpty() || vectors.size() > MOST_VECTORS) {
                    throw new FormException(vectors.size() + " vectors");
                }
                return new Vectors(what, vectors, tolerances);
            } catch (FormException error) {
                throw new PullException(what + " has no valid golden vectors: " + error.getMessage());
            }
        }

        private static Vector vector(Map<String, Object> said) throws FormException {
            Map<String, float[]> inputs = new LinkedHashMap<>();
            for (Map.Entry<String, Object> input : Form.object(said.get("inputs"), "inputs").entrySet()) {
                inputs.put(input.getKey(), unpacked(Form.list(input.getValue(), "an input")));
            }
            Map<String, Integer> every = new LinkedHashMap<>();
            Map<String, double[]> outputs = new LinkedHashMap<>();
            for (Map.Entry<String, Object> output : Form.object(said.get("outputs"), "outputs").entrySet()) {
                Map<String, Object> places = Form.object(output.getValue(), "an output");
                every.put(output.getKey(), times(places.get("every")));
                List<?> values = Form.list(places.get("values"), "values");
                double[] numbers = new double[values.size()];
                for (int i = 0; i < numbers.length; i++) {
                    numbers[i] = number(values.get(i));
                }
                outputs.put(output.getKey(), numbers);
            }
            return new Vector(inputs, every, outputs);
        }

        private static float[] unpacked(List<?> items) throws FormException {
            List<Float> numbers = new ArrayList<>();
            for (Object item : items) {
                boolean repeats = item instanceof List<?> pair && pair.size() == 2;
                float value = (float) number(repeats ? ((List<?>) item).get(0) : item);
                int times = repeats ? times(((List<?>) item).get(1)) : 1;
                if (times > MOST_VALUES - numbers.size()) {
                    throw new FormException("an input is too long");
                }
                numbers.addAll(java.util.Collections.nCopies(times, value));
            }
            float[] values = new float[numbers.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = numbers.get(i);
            }
            return values;
        }

        private static int times(Object value) throws FormException {
            if (value instanceof Long number && number >= 1 && number <= MOST_VALUES) {
                return number.intValue();
            }
            throw new FormException("a count that is none");
        }

        private static double number(Object value) throws FormException {
            if (value == null) {
                return Double.NaN;
            }
            String text = value.toString();
            if ((value instanceof Long || value instanceof String) && NUMBER.matcher(text).matches()) {
                return Double.parseDouble(text);
            }
            throw new FormException("a number that is none");
        }

        void run(List<String> program, Path file, Deadline deadline) throws PullException {
            List<String> command = new ArrayList<>(program);
            command.add(file.toString());
            Process process;
            try {
                process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            } catch (IOException error) {
                throw new PullException(WRONG_USE, "--vectors cannot be run: " + reason(error));
            }
            try {
                deadline.within(() -> answered(process), what + " in " + program.get(0));
            } finally {
                process.destroyForcibly();
            }
        }

        private boolean answered(Process process) throws PullException {
            try (DataOutputStream requests = new DataOutputStream(
                            new BufferedOutputStream(process.getOutputStream()));
                    DataInputStream answers = new DataInputStream(
                            new BufferedInputStream(process.getInputStream()))) {
                for (Vector vector : vectors) {
                    send(vector.inputs(), requests);
                    compare(vector, receive(answers));
                }
                return true;
            } catch (IOException error) {
                throw new PullException(what + " does not run in the program of --vectors: " + reason(error));
            }
        }

        private static void send(Map<String, float[]> tensors, DataOutputStream requests) throws IOException {
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

        private static Map<String, float[]> receive(DataInputStream answers) throws IOException {
            Map<String, float[]> tensors = new LinkedHashMap<>();
            int left = MOST_VALUES;
            for (int count = answers.readInt(); count > 0; count--) {
                String name = answers.readUTF();
                int size = answers.readInt();
                left -= Math.max(size, 1);
                if (size < 0 || left < 0) {
                    throw new IOException("an answer that is too long");
                }
                float[] values = new float[size];
                for (int i = 0; i < size; i++) {
                    values[i] = answers.readFloat();
                }
                tensors.put(name, values);
            }
            return tensors;
        }

        private void compare(Vector vector, Map<String, float[]> given) throws PullException {
            for (Map.Entry<String, double[]> output : vector.outputs().entrySet()) {
                String name = output.getKey();
                int every = vector.every().get(name);
                double[] wanted = output.getValue();
                float[] values = given.getOrDefault(name, new float[0]);
                boolean same = given.containsKey(name) && (values.length + every - 1) / every == wanted.length;
                for (int i = 0; same && i < wanted.length; i++) {
                    double got = values[i * every];
                    same = Double.isNaN(wanted[i]) ? Double.isNaN(got)
                            : Math.abs(got - wanted[i]) <= tolerances.getOrDefault(name, 0.0);
                }
                if (!same) {
                    throw new PullException(what + " computes something else than its golden vectors: " + name);
                }
            }
        }
    }

    /** A local file, but never more of it than it may have. */
    private static byte[] bounded(Path path, int limit) throws IOException {
        try (InputStream stream = Files.newInputStream(path)) {
            byte[] data = stream.readNBytes(limit + 1);
            if (data.length > limit) {
                throw new IOException("larger than the " + limit + " bytes it may have");
            }
            return data;
        }
    }

    // The Update Framework: documents

    /** Keys that sign a role, by id, and how many of them have to. */
    record Role(List<String> keyids, long threshold) {}

    /** A role that another one delegates paths to. */
    record Delegation(String name, Role role, boolean terminating, List<String> paths,
            List<String> prefixes) {
        boolean covers(String path) {
            if (paths == null) {
                String digest = hex(digest("SHA-256", utf8(path)));
                return prefixes.stream().anyMatch(digest::startsWith);
            }
            return paths.stream().anyMatch(pattern -> matches(pattern.split("/", -1), path.split("/", -1)));
        }

        private static boolean matches(String[] patterns, String[] parts) {
            if (patterns.length != parts.length) {
                return false;
            }
            for (int i = 0; i < parts.length; i++) {
                if (!matches(patterns[i], parts[i])) {
                    return false;
                }
            }
            return true;
        }

        /** Wildcards of a shell, * and ?, in time that grows with the product of the lengths. */
        private static boolean matches(String pattern, String text) {
            int[] wanted = pattern.codePoints().toArray();
            int[] given = text.codePoints().toArray();
            int at = 0;
            int star = -1;
            int mark = 0;
            int next = 0;
            while (next < given.length) {
                if (at < wanted.length && wanted[at] == '*') {
                    star = at++;
                    mark = next;
                } else if (at < wanted.length && (wanted[at] == '?' || wanted[at] == given[next])) {
                    at++;
                    next++;
                } else if (star >= 0) {
                    at = star + 1;
                    next = ++mark;
                } else {
                    return false;
                }
            }
            while (at < wanted.length && wanted[at] == '*') {
                at++;
            }
            return at == wanted.length;
        }
    }

    /** What a snapshot or a timestamp says of a document; no length and no hashes: null. */
    record Meta(long version, Long length, Map<String, String> hashes) {
        /** Why these bytes are not the ones that are meant; null where they are. */
        String trouble(byte[] data) {
            if (length != null && data.length != length) {
                return "has " + data.length + " bytes, not " + length;
            }
            return hashes == null ? null : hashTrouble(hashes, data);
        }
    }

    /** What signed metadata says of a file. */
    record Target(String path, long length, Map<String, String> hashes, Map<String, Object> custom) {
        String trouble(byte[] data) {
            if (data.length != length) {
                return "has " + data.length + " bytes, not " + length;
            }
            return hashTrouble(hashes, data);
        }
    }

    private static String hashTrouble(Map<String, String> hashes, byte[] data) {
        for (Map.Entry<String, String> hash : hashes.entrySet()) {
            String algorithm = hash.getKey().replace("sha", "SHA-");
            if (!hex(digest(algorithm, data)).equals(hash.getValue())) {
                return "does not have the " + hash.getKey() + " that was signed";
            }
        }
        return null;
    }

    /** A document whose form is right; whether its signatures are is asked of its delegator. */
    record Document(byte[] data, Map<String, Object> signed, byte[] message,
            Map<String, String> signatures, long version, Instant expires) {

        /** Reads a document of a kind. Throws PullException where the form is not right. */
        static Document read(byte[] data, String kind, String where) throws PullException {
            try {
                return Form.document(data, kind);
            } catch (FormException error) {
                throw new PullException(where + " is no " + kind + " metadata: " + error.getMessage());
            }
        }

        boolean isExpired() {
            return !expires.isAfter(Instant.now());
        }
    }

    /** JSON that is no metadata. */
    static final class FormException extends Exception {
        private static final long serialVersionUID = 1L;

        FormException(String message) {
            super(message);
        }
    }

    /** The forms of metadata: what the specification asks for, and nothing that two readers could
     * read in two ways. */
    static final class Form {
        private static final Pattern TIME = Pattern.compile(
                "(?!0000)\\d{4}-\\d\\d-\\d\\dT([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\dZ");
        private static final Pattern SPEC = Pattern.compile("1\\.[0-9]{1,9}(\\.[0-9]{1,9})?");
        private static final Pattern HEX = Pattern.compile("([0-9a-fA-F]{2})*");
        private static final Pattern RAW_KEY = Pattern.compile("[0-9a-fA-F]{64}");
        private static final Pattern PEM = Pattern.compile(
                "-----BEGIN PUBLIC KEY-----\\n([A-Za-z0-9+/=]{1,76}\\n)+-----END PUBLIC KEY-----\\n?");
        private static final Set<String> HASHES = Set.of("sha256", "sha384", "sha512");
        private static final Set<String> SCHEMES = Set.of("ed25519 ed25519", "ecdsa ecdsa-sha2-nistp256",
                "ecdsa-sha2-nistp256 ecdsa-sha2-nistp256", "rsa rsassa-pss-sha256");
        static final Set<String> TOP = Set.of("root", "targets", "snapshot", "timestamp");

        private Form() {}

        static Document document(byte[] data, String kind) throws FormException {
            Map<String, Object> whole = object(Json.parse(data), "the document");
            Map<String, Object> signed = object(whole.get("signed"), "signed");
            check(kind.equals(signed.get("_type")), "_type is not " + kind);
            check(SPEC.matcher(text(signed, "spec_version")).matches(), "spec_version is not 1.x");
            long version = version(signed);
            Instant expires = time(text(signed, "expires"));
            switch (kind) {
                case "root" -> root(signed);
                case "timestamp" -> check(metas(signed).keySet().equals(Set.of("snapshot.json")),
                        "meta names other than snapshot.json");
                case "snapshot" -> metas(signed);
                default -> targets(signed);
            }
            return new Document(data, signed, Json.canonical(signed), signatures(whole), version, expires);
        }

        private static Map<String, String> signatures(Map<String, Object> whole) throws FormException {
            Map<String, String> signatures = new LinkedHashMap<>();
            for (Object item : list(whole.get("signatures"), "signatures")) {
                Map<String, Object> signature = object(item, "a signature");
                String value = text(signature, "sig");
                check(HEX.matcher(value).matches(), "a signature is not hexadecimal");
                check(signatures.put(text(signature, "keyid"), value) == null, "two signatures of one key");
            }
            return signatures;
        }

        private static Instant time(String text) throws FormException {
            check(TIME.matcher(text).matches(), "expires is no time");
            try {
                return Instant.parse(text);
            } catch (DateTimeException error) {
                throw new FormException("expires is no time");
            }
        }

        private static void root(Map<String, Object> signed) throws FormException {
            check(!signed.containsKey("consistent_snapshot")
                    || signed.get("consistent_snapshot") instanceof Boolean, "consistent_snapshot is no boolean");
            Map<String, Object> keys = keys(signed);
            Map<String, Object> roles = object(signed.get("roles"), "roles");
            check(roles.keySet().equals(TOP), "roles are not the four of a root");
            for (Object value : roles.values()) {
                role(object(value, "a role"), keys);
            }
        }

        private static Map<String, Object> keys(Map<String, Object> fields) throws FormException {
            Map<String, Object> keys = object(fields.get("keys"), "keys");
            for (Object value : keys.values()) {
                Map<String, Object> key = object(value, "a key");
                String scheme = text(key, "keytype") + " " + text(key, "scheme");
                check(SCHEMES.contains(scheme), "a key is " + scheme);
                String material = text(object(key.get("keyval"), "keyval"), "public");
                Pattern form = scheme.startsWith("ed25519") ? RAW_KEY : PEM;
                check(material.length() <= 8192 && form.matcher(material).matches(), "a key has no public half");
            }
            return keys;
        }

        static Role role(Map<String, Object> fields, Map<String, Object> keys) throws FormException {
            List<String> ids = texts(fields.get("keyids"), "keyids");
            check(new HashSet<>(ids).size() == ids.size(), "keyids repeat");
            Set<Object> material = new HashSet<>();
            for (String id : ids) {
                if (keys.get(id) instanceof Map<?, ?> key && key.get("keyval") instanceof Map<?, ?> value) {
                    check(material.add(value.get("public")), "one key has two ids");
                }
            }
            return new Role(ids, number(fields, "threshold", 1));
        }

        static Map<String, Meta> metas(Map<String, Object> signed) throws FormException {
            Map<String, Meta> metas = new LinkedHashMap<>();
            for (Map.Entry<String, Object> item : object(signed.get("meta"), "meta").entrySet()) {
                Map<String, Object> fields = object(item.getValue(), "an entry of meta");
                Long length = fields.containsKey("length") ? number(fields, "length", 0) : null;
                Map<String, String> hashes = fields.containsKey("hashes") ? hashes(fields) : null;
                metas.put(item.getKey(), new Meta(version(fields), length, hashes));
            }
            return metas;
        }

        private static Map<String, String> hashes(Map<String, Object> fields) throws FormException {
            Map<String, String> hashes = new LinkedHashMap<>();
            for (Map.Entry<String, Object> item : object(fields.get("hashes"), "hashes").entrySet()) {
                check(HASHES.contains(item.getKey()), "a hash is none of " + HASHES);
                check(item.getValue() instanceof String, "a hash is no text");
                hashes.put(item.getKey(), (String) item.getValue());
            }
            check(!hashes.isEmpty(), "there are no hashes");
            return hashes;
        }

        static Map<String, Target> targets(Map<String, Object> signed) throws FormException {
            delegations(signed);
            Map<String, Target> targets = new LinkedHashMap<>();
            for (Map.Entry<String, Object> item : object(signed.get("targets"), "targets").entrySet()) {
                Map<String, Object> fields = object(item.getValue(), "a target");
                Map<String, Object> custom = fields.get("custom") instanceof Map<?, ?>
                        ? object(fields.get("custom"), "custom") : Map.of();
                targets.put(item.getKey(), new Target(
                        item.getKey(), number(fields, "length", 0), hashes(fields), custom));
            }
            return targets;
        }

        static List<Delegation> delegations(Map<String, Object> signed) throws FormException {
            List<Delegation> delegations = new ArrayList<>();
            if (!signed.containsKey("delegations")) {
                return delegations;
            }
            Map<String, Object> fields = object(signed.get("delegations"), "delegations");
            check(!fields.containsKey("succinct_roles"), "succinct_roles are not known here");
            Map<String, Object> keys = keys(fields);
            Set<String> names = new HashSet<>();
            for (Object item : list(fields.get("roles"), "roles")) {
                Map<String, Object> role = object(item, "a role");
                String name = text(role, "name");
                check(!name.isEmpty() && !TOP.contains(name) && names.add(name), "a role has no name of its own");
                check(role.get("terminating") instanceof Boolean, "terminating is no boolean");
                check(role.containsKey("paths") != role.containsKey("path_hash_prefixes"),
                        "a role has not one of paths and path_hash_prefixes");
                delegations.add(new Delegation(name, role(role, keys), (Boolean) role.get("terminating"),
                        role.containsKey("paths") ? patterns(role) : null,
                        role.containsKey("paths") ? null : texts(role.get("path_hash_prefixes"), "prefixes")));
            }
            return delegations;
        }

        private static List<String> patterns(Map<String, Object> role) throws FormException {
            List<String> paths = texts(role.get("paths"), "paths");
            check(paths.stream().noneMatch(path -> path.contains("[")), "a path has more than * and ?");
            return paths;
        }

        private static void check(boolean holds, String trouble) throws FormException {
            if (!holds) {
                throw new FormException(trouble);
            }
        }

        @SuppressWarnings("unchecked")
        static Map<String, Object> object(Object value, String what) throws FormException {
            check(value instanceof Map<?, ?>, what + " is no object");
            return (Map<String, Object>) value;
        }

        private static List<?> list(Object value, String what) throws FormException {
            check(value instanceof List<?>, what + " is no list");
            return (List<?>) value;
        }

        private static List<String> texts(Object value, String what) throws FormException {
            List<String> texts = new ArrayList<>();
            for (Object item : list(value, what)) {
                check(item instanceof String, what + " are no texts");
                texts.add((String) item);
            }
            return texts;
        }

        private static String text(Map<String, Object> fields, String name) throws FormException {
            check(fields.get(name) instanceof String, name + " is no text");
            return (String) fields.get(name);
        }

        /** More is no counting, but a thief who locks clients out. */
        private static long version(Map<String, Object> fields) throws FormException {
            long version = number(fields, "version", 1);
            check(version <= MAX_VERSION, "version is too large");
            return version;
        }

        private static long number(Map<String, Object> fields, String name, long least)
                throws FormException {
            check(fields.get(name) instanceof Long number && number >= least,
                    name + " is no number of at least " + least);
            return (Long) fields.get(name);
        }
    }

    private static Map<String, Target> targets(Document role) {
        try {
            return Form.targets(role.signed());
        } catch (FormException error) {
            throw new IllegalStateException(error); // its form was checked when it was read
        }
    }

    private static List<Delegation> delegationsOf(Document role) {
        try {
            return Form.delegations(role.signed());
        } catch (FormException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Map<String, Meta> metasOf(Document document) {
        try {
            return Form.metas(document.signed());
        } catch (FormException error) {
            throw new IllegalStateException(error);
        }
    }

    // The Update Framework: signatures

    /** Checks signatures of Ed25519, ECDSA on P-256 and RSA-PSS, all with SHA-256 where they hash. */
    static final class Keys {
        private static final byte[] ED25519_HEAD = HexFormat.of().parseHex("302a300506032b6570032100");
        private static final int HASH_BYTES = 32;

        private Keys() {}

        /** Throws PullException unless enough of a role's keys signed a document. */
        static void check(Document document, Role role, Map<String, Object> keys, String where)
                throws PullException {
            int good = 0;
            for (String id : role.keyids()) {
                String signature = document.signatures().get(id);
                if (keys.get(id) instanceof Map<?, ?> key && signature != null
                        && verifies(key, document.message(), HexFormat.of().parseHex(signature))) {
                    good++;
                }
            }
            if (good < role.threshold()) {
                throw new PullException(where + " is signed by " + good + " of the " + role.threshold()
                        + " trusted keys that it needs");
            }
        }

        private static boolean verifies(Map<?, ?> key, byte[] message, byte[] signature) {
            String material = (String) ((Map<?, ?>) key.get("keyval")).get("public");
            try {
                return switch ((String) key.get("scheme")) {
                    case "ed25519" -> ed25519(material, message, signature);
                    case "ecdsa-sha2-nistp256" -> ecdsa(material, message, signature);
                    default -> rsa(material, message, signature);
                };
            } catch (GeneralSecurityException | IllegalArgumentException error) {
                return false; // not the form of a key or of a signature
            }
        }

        private static boolean ed25519(String material, byte[] message, byte[] signature)
                throws GeneralSecurityException {
            byte[] raw = HexFormat.of().parseHex(material);
            byte[] encoded = Arrays.copyOf(ED25519_HEAD, ED25519_HEAD.length + raw.length);
            System.arraycopy(raw, 0, encoded, ED25519_HEAD.length, raw.length);
            PublicKey key = KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
            return verifies(Signature.getInstance("Ed25519"), key, message, signature);
        }

        private static boolean ecdsa(String pem, byte[] message, byte[] signature)
                throws GeneralSecurityException {
            PublicKey key = KeyFactory.getInstance("EC").generatePublic(encoded(pem));
            AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
            curve.init(new ECGenParameterSpec("secp256r1"));
            ECParameterSpec wanted = curve.getParameterSpec(ECParameterSpec.class);
            ECParameterSpec given = ((ECPublicKey) key).getParams();
            return given.getCurve().equals(wanted.getCurve())
                    && given.getGenerator().equals(wanted.getGenerator())
                    && verifies(Signature.getInstance("SHA256withECDSA"), key, message, signature);
        }

        private static boolean rsa(String pem, byte[] message, byte[] signature)
                throws GeneralSecurityException {
            RSAPublicKey key = (RSAPublicKey) KeyFactory.getInstance("RSA").generatePublic(encoded(pem));
            int salt = saltBytes(key, signature);
            if (salt < 0) {
                return false;
            }
            Signature verifier = Signature.getInstance("RSASSA-PSS");
            verifier.setParameter(
                    new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, salt, 1));
            return verifies(verifier, key, message, signature);
        }

        /** How long the salt of a signature is, which the scheme leaves open and the JDK asks for:
         * RFC 8017, 9.1.2, steps 5 to 9. -1 where it is no signature. */
        private static int saltBytes(RSAPublicKey key, byte[] signature) {
            int bits = key.getModulus().bitLength() - 1;
            int size = (bits + 7) / 8;
            BigInteger number = new BigInteger(1, signature);
            if (number.compareTo(key.getModulus()) >= 0 || size < HASH_BYTES + 2) {
                return -1;
            }
            byte[] encoded = fixed(number.modPow(key.getPublicExponent(), key.getModulus()), size);
            if (encoded == null) {
                return -1;
            }
            int length = size - HASH_BYTES - 1;
            byte[] hash = Arrays.copyOfRange(encoded, length, length + HASH_BYTES);
            byte[] block = mask(hash, length);
            for (int i = 0; i < length; i++) {
                block[i] ^= encoded[i];
            }
            block[0] &= (byte) (0xff >> (8 * size - bits));
            int at = 0;
            while (at < length && block[at] == 0) {
                at++;
            }
            return at < length && block[at] == 1 ? length - at - 1 : -1;
        }

        private static byte[] mask(byte[] seed, int length) {
            ByteArrayOutputStream made = new ByteArrayOutputStream();
            for (int counter = 0; made.size() < length; counter++) {
                byte[] input = Arrays.copyOf(seed, seed.length + 4);
                ByteBuffer.wrap(input).putInt(seed.length, counter);
                made.writeBytes(digest("SHA-256", input));
            }
            return Arrays.copyOf(made.toByteArray(), length);
        }

        private static byte[] fixed(BigInteger number, int size) {
            byte[] bytes = number.toByteArray();
            int extra = Math.max(0, bytes.length - size);
            for (int i = 0; i < extra; i++) {
                if (bytes[i] != 0) {
                    return null;
                }
            }
            byte[] fixed = new byte[size];
            int length = bytes.length - extra;
            System.arraycopy(bytes, extra, fixed, size - length, length);
            return fixed;
        }

        private static X509EncodedKeySpec encoded(String pem) {
            String body = pem.replaceAll("-----(BEGIN|END) PUBLIC KEY-----", "").replaceAll("\\s", "");
            return new X509EncodedKeySpec(Base64.getDecoder().decode(body));
        }

        private static boolean verifies(Signature verifier, PublicKey key, byte[] message, byte[] signature)
                throws GeneralSecurityException {
            verifier.initVerify(key);
            verifier.update(message);
            return verifier.verify(signature);
        }
    }

    // The Update Framework: the client's workflow

    /** The detailed client workflow of the specification, section 5; numbers are its steps. */
    static final class TufClient {
        private final Path state;
        private final Source source;
        private final String base;
        private final Limits limits;
        private final Map<String, Document> trusted = new LinkedHashMap<>();
        private final Set<String> authorised = new HashSet<>();
        private Document root;
        private Document timestamp;
        private Document snapshot;

        /** {@code state}: the folder of what was verified before; {@code base}: where the metadata
         * is, ends with a slash. */
        TufClient(Path state, Source source, String base, byte[] pinned, Limits limits)
                throws PullException {
            this.state = state;
            this.source = source;
            this.base = base;
            this.limits = limits;
            root = trustedRoot(pinned, "the trusted root");
            persistRoot();
        }

        /** A root that is signed by itself. */
        static Document trustedRoot(byte[] data, String where) throws PullException {
            Document document = Document.read(data, "root", where);
            Keys.check(document, rootRole(document, "root"), keysOf(document), where);
            return document;
        }

        /** Brings the top-level metadata up to date. */
        void refresh() throws PullException {
            updateRoot();
            if (root.isExpired()) {
                throw new PullException("the root expired on " + root.expires()); // 5.3.10
            }
            updateTimestamp();
            updateSnapshot();
            trusted("targets", "root");
        }

        // 5.3
        private void updateRoot() throws PullException {
            try {
                walkRoots();
            } finally {
                persist("root.json", root.data());
            }
        }

        private void walkRoots() throws PullException {
            for (int i = 0; i < MAX_ROOT_ROTATIONS; i++) {
                long next = root.version() + 1;
                Document kept = keptRoot(next);
                if (kept != null) {
                    root = kept;
                    continue;
                }
                byte[] data;
                try {
                    data = source.read(base + next + ".root.json", MAX_ROOT_BYTES);
                } catch (AbsentException error) {
                    break;
                }
                root = nextRoot(data, next + ".root.json");
                persistRoot();
            }
        }

        private Document keptRoot(long version) {
            try {
                Path path = state.resolve("root_history").resolve(version + ".root.json");
                return Files.exists(path) ? nextRoot(bounded(path, MAX_ROOT_BYTES), path.toString()) : null;
            } catch (IOException | PullException error) {
                return null; // then the server's
            }
        }

        private Document nextRoot(byte[] data, String where) throws PullException {
            Document next = Document.read(data, "root", where);
            Keys.check(next, rootRole(root, "root"), keysOf(root), where);
            if (next.version() != root.version() + 1) {
                throw new PullException(where + " has version " + next.version());
            }
            Keys.check(next, rootRole(next, "root"), keysOf(next), where);
            return next;
        }

        // 5.4
        private void updateTimestamp() throws PullException {
            timestamp = kept("timestamp", MAX_TIMESTAMP_BYTES, rootRole(root, "timestamp"), keysOf(root));
            byte[] data = source.read(base + "timestamp.json", MAX_TIMESTAMP_BYTES);
            Document next = Document.read(data, "timestamp", "timestamp.json");
            Keys.check(next, rootRole(root, "timestamp"), keysOf(root), "timestamp.json");
            if (timestamp != null) {
                if (next.version() < timestamp.version()) {
                    throw new PullException("timestamp.json has version " + next.version() + ", but "
                            + timestamp.version() + " was pulled here before");
                }
                checkLineage(timestamp, next, "timestamp");
                long before = metasOf(timestamp).get("snapshot.json").version();
                if (metasOf(next).get("snapshot.json").version() < before) {
                    throw new PullException("timestamp.json names an older snapshot than one pulled before");
                }
            }
            boolean same = timestamp != null && timestamp.version() == next.version();
            timestamp = same ? timestamp : next;
            checkFresh(timestamp, "timestamp.json");
            if (!same) {
                persist("timestamp.json", data);
            }
            Duration longest = limits.longestTimestamp();
            if (longest != null && timestamp.expires().isAfter(Instant.now().plus(longest))) {
                throw new PullException("timestamp.json expires only on " + timestamp.expires()
                        + ", so that it could hold back newer versions (is the clock right here?)");
            }
        }

        // 5.5
        private void updateSnapshot() throws PullException {
            Meta meta = metasOf(timestamp).get("snapshot.json");
            Role role = rootRole(root, "snapshot");
            Document before = kept("snapshot", MAX_SNAPSHOT_BYTES, role, keysOf(root));
            if (before != null && before.version() == meta.version() && meta.trouble(before.data()) != null) {
                throw forked("snapshot", before.version());
            }
            if (before != null && before.version() == meta.version() && !before.isExpired()) {
                snapshot = before;
                return;
            }
            Document next = fetched("snapshot", "snapshot", meta, MAX_SNAPSHOT_BYTES, role, keysOf(root));
            if (before != null) {
                checkLineage(before, next, "snapshot");
                checkOlder(metasOf(before), metasOf(next));
            }
            checkFresh(next, "the snapshot");
            snapshot = next;
            persist("snapshot.json", next.data());
        }

        private static void checkOlder(Map<String, Meta> before, Map<String, Meta> next)
                throws PullException {
            for (Map.Entry<String, Meta> item : before.entrySet()) {
                Meta now = next.get(item.getKey());
                if (now == null || now.version() < item.getValue().version()) {
                    throw new PullException("the snapshot has "
                            + (now == null ? "no " : "an older ") + item.getKey() + " than before");
                }
            }
        }

        // 5.6
        private Document trusted(String name, String delegator) throws PullException {
            if (authorised.contains(delegator + "/" + name)) {
                return trusted.get(name);
            }
            Document above = delegator.equals("root") ? root : trusted.get(delegator);
            Role role = delegator.equals("root") ? rootRole(root, name) : delegation(above, name).role();
            Map<String, Object> keys = keysOf(above);
            Meta meta = metasOf(snapshot).get(name + ".json");
            if (meta == null) {
                throw new PullException("the snapshot does not have " + name);
            }
            Document before = kept(name, MAX_TARGETS_BYTES, role, keys);
            if (before != null && before.version() == meta.version() && meta.trouble(before.data()) != null) {
                throw forked(name, before.version());
            }
            Document document = before;
            if (before == null || before.version() != meta.version() || before.isExpired()) {
                document = fetched(name, "targets", meta, MAX_TARGETS_BYTES, role, keys);
                if (before != null) {
                    checkLineage(before, document, name);
                }
                checkFresh(document, "the metadata of " + name);
                persist(encoded(name) + ".json", document.data());
            }
            trusted.put(name, document);
            authorised.add(delegator + "/" + name);
            return document;
        }

        private Document fetched(String name, String kind, Meta meta, int limit, Role role,
                Map<String, Object> keys) throws PullException {
            boolean consistent = Boolean.TRUE.equals(root.signed().get("consistent_snapshot"));
            String file = (consistent ? meta.version() + "." : "") + encoded(name) + ".json";
            int most = (int) Math.min(limit, meta.length() == null ? limit : meta.length());
            byte[] data = source.read(base + file, most);
            String trouble = meta.trouble(data);
            if (trouble != null) {
                throw new PullException(file + " " + trouble);
            }
            Document document = Document.read(data, kind, file);
            Keys.check(document, role, keys, file);
            if (document.version() != meta.version()) {
                throw new PullException(file + " has version " + document.version());
            }
            return document;
        }

        /** What was verified before, if these keys signed it; null otherwise. */
        private Document kept(String name, int limit, Role role, Map<String, Object> keys) {
            Path path = state.resolve(encoded(name) + ".json");
            String kind = Form.TOP.contains(name) ? name : "targets";
            try {
                if (!Files.isRegularFile(path)) {
                    return null;
                }
                Document document = Document.read(bounded(path, limit), kind, path.toString());
                Keys.check(document, role, keys, path.toString());
                return document;
            } catch (IOException | PullException error) {
                return null; // damaged, or signed with keys that are trusted no more: 5.3.11
            }
        }

        /** Nothing else of the same version, and no successor of something else. */
        private static void checkLineage(Document before, Document next, String name)
                throws PullException {
            if (next.version() == before.version() && !Arrays.equals(before.message(), next.message())) {
                throw forked(name, next.version());
            }
            Object previous = next.signed().get("previous_sha256");
            if (next.version() == before.version() + 1 && previous != null
                    && !hex(digest("SHA-256", before.data())).equals(previous)) {
                throw forked(name, before.version());
            }
        }

        private static PullException forked(String name, long version) {
            return new PullException("there are two of " + name + " version " + version
                    + ": this one, and the one pulled here before");
        }

        private static void checkFresh(Document document, String what) throws PullException {
            if (document.isExpired()) {
                throw new PullException(what + " expired on " + document.expires());
            }
        }

        List<Delegation> delegations() {
            return delegationsOf(trusted.get("targets"));
        }

        /** Whether the snapshot has a role. */
        boolean isPublished(String name) {
            return metasOf(snapshot).containsKey(name + ".json");
        }

        /** The metadata of a role that the top-level targets delegate to. */
        Document role(String name) throws PullException {
            return trusted(name, "targets");
        }

        /** Where signed metadata speaks of a target: 5.6.7, in the order of delegations. */
        Target target(String path) throws PullException {
            Deque<String[]> toVisit = new ArrayDeque<>(List.<String[]>of(new String[] {"targets", "root"}));
            Set<String> visited = new HashSet<>();
            while (visited.size() <= MAX_ROLES_VISITED && !toVisit.isEmpty()) {
                String[] next = toVisit.pop();
                if (visited.contains(next[0])) {
                    continue;
                }
                Document role = trusted(next[0], next[1]);
                Target target = targets(role).get(path);
                if (target != null) {
                    return target;
                }
                visited.add(next[0]);
                List<String[]> children = new ArrayList<>();
                for (Delegation delegation : delegationsOf(role)) {
                    if (delegation.covers(path)) {
                        children.add(new String[] {delegation.name(), next[0]});
                        if (delegation.terminating()) {
                            toVisit.clear();
                            break;
                        }
                    }
                }
                for (int i = children.size() - 1; i >= 0; i--) {
                    toVisit.push(children.get(i));
                }
            }
            throw new PullException("no metadata speaks of " + path);
        }

        /** A target's bytes: under its plain name, or with its hash in front. */
        byte[] download(Target target, String base, int limit, boolean hashFirst) throws PullException {
            if (target.length() > limit) {
                throw new PullException(target.path() + " has " + target.length() + " bytes, more than the "
                        + limit + " that it may have");
            }
            String path = target.path();
            int slash = path.lastIndexOf('/') + 1;
            String hash = target.hashes().values().iterator().next();
            String hashed = path.substring(0, slash) + hash + "." + path.substring(slash);
            byte[] data;
            try {
                data = source.read(base + (hashFirst ? hashed : path), (int) target.length());
            } catch (AbsentException error) {
                try {
                    data = source.read(base + (hashFirst ? path : hashed), (int) target.length());
                } catch (AbsentException again) {
                    throw error;
                }
            }
            String trouble = target.trouble(data);
            if (trouble != null) {
                throw new PullException(path + " " + trouble);
            }
            return data;
        }

        private static Role rootRole(Document root, String name) {
            try {
                Map<String, Object> roles = Form.object(root.signed().get("roles"), "roles");
                return Form.role(Form.object(roles.get(name), name), keysOf(root));
            } catch (FormException error) {
                throw new IllegalStateException(error);
            }
        }

        /** The keys of a root or of a targets role's delegations. */
        private static Map<String, Object> keysOf(Document document) {
            try {
                Object delegations = document.signed().get("delegations");
                return Form.object(delegations == null ? document.signed().get("keys")
                        : Form.object(delegations, "delegations").get("keys"), "keys");
            } catch (FormException error) {
                throw new IllegalStateException(error);
            }
        }

        private static Delegation delegation(Document above, String name) throws PullException {
            return delegationsOf(above).stream().filter(one -> one.name().equals(name)).findFirst()
                    .orElseThrow(() -> new PullException("nothing is delegated to " + name));
        }

        private void persistRoot() throws PullException {
            persist("root_history/" + root.version() + ".root.json", root.data());
        }

        /** Keeps what was verified, in one step. */
        private void persist(String name, byte[] data) throws PullException {
            Path path = state.resolve(name);
            Path temporary = state.resolve(".new-" + ThreadLocalRandom.current().nextLong(Long.MAX_VALUE));
            try {
                Files.createDirectories(path.getParent());
                if (Files.isRegularFile(path) && Files.size(path) == data.length
                        && Arrays.equals(Files.readAllBytes(path), data)) {
                    return;
                }
                Folder.store(temporary, data);
                Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException error) {
                throw new PullException("cannot write " + path + ": " + reason(error));
            } finally {
                try {
                    Files.deleteIfExists(temporary);
                } catch (IOException error) {
                    throw new PullException("cannot write " + path + ": " + reason(error));
                }
            }
        }
    }

    /** A name of a role in percent form: all but unreserved characters. */
    private static String encoded(String text) {
        return encoded(text, "-._~");
    }

    private static String encoded(String text, String unreserved) {
        StringBuilder built = new StringBuilder();
        for (byte b : utf8(text)) {
            char c = (char) (b & 0xff);
            if (c < 128 && (Character.isLetterOrDigit(c) || unreserved.indexOf(c) >= 0)) {
                built.append(c);
            } else {
                built.append(String.format("%%%02X", b & 0xff));
            }
        }
        return built.toString();
    }

    private static byte[] digest(String algorithm, byte[] data) {
        try {
            return MessageDigest.getInstance(algorithm).digest(data);
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error); // every JDK has the three
        }
    }

    private static String hex(byte[] data) {
        return HexFormat.of().formatHex(data);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    // Sources: a folder, a bucket, a web server

    /** Opens roots. */
    static final class Sources {
        private Sources() {}

        static Source open(Options options, Map<String, String> environment, Deadline deadline)
                throws PullException {
            String root = options.root();
            if (root.matches("s3://[^/]+.*")) {
                return Bucket.open(root, environment, new Web(options.limits(), deadline, false));
            }
            if (root.matches("https?://.*")) {
                Map<String, String> headers = options.headers();
                Web web = new Web(options.limits(), deadline, headers.isEmpty());
                String base = root.endsWith("/") ? root : root + "/";
                return (path, limit) -> web.get(address(base + path), address -> headers, limit);
            }
            return inDirectory(root.startsWith("file:") ? Path.of(address(root)) : Path.of(root), deadline);
        }

        static URI address(String text) throws PullException {
            try {
                return new URI(text);
            } catch (java.net.URISyntaxException error) {
                throw new PullException(WRONG_USE, "the root is no address: " + error.getReason());
            }
        }

        /** An address without what may be secret in it. */
        static String shown(String root) {
            return root.replaceFirst("//[^/@]*@", "//").replaceFirst("\\?.*", "");
        }

        private static Source inDirectory(Path root, Deadline deadline) {
            return (path, limit) -> {
                Path file = root.resolve(path);
                return deadline.within(() -> {
                    if (!Files.exists(file)) {
                        throw new AbsentException("no object " + file);
                    }
                    if (!Files.isRegularFile(file)) {
                        throw new PullException(file + " is no file");
                    }
                    try (InputStream stream = Files.newInputStream(file)) {
                        byte[] data = stream.readNBytes(limit + 1);
                        return checked(data, limit, file.toString());
                    } catch (NoSuchFileException error) {
                        throw new AbsentException("no object " + file);
                    }
                }, file.toString());
            };
        }

        static byte[] checked(byte[] data, int limit, String where) throws PullException {
            if (data.length > limit) {
                throw new PullException(where + " is larger than the " + limit + " bytes it may have");
            }
            return data;
        }
    }

    /** The headers of a request. */
    interface Headers {
        Map<String, String> of(URI address) throws PullException;
    }

    /** A server that may be slow, silent or endless. */
    static final class Web {
        /** Redirects are followed only where no header could leak, and never from https to http. */
        private static final class Clients {
            static final HttpClient FOLLOWING = client(HttpClient.Redirect.NORMAL);
            static final HttpClient STAYING = client(HttpClient.Redirect.NEVER);

            private static HttpClient client(HttpClient.Redirect redirect) {
                return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
                        .connectTimeout(Duration.ofSeconds(15)).followRedirects(redirect).build();
            }
        }

        private final Limits limits;
        private final Deadline deadline;
        private final boolean redirects;

        Web(Limits limits, Deadline deadline, boolean redirects) {
            this.limits = limits;
            this.deadline = deadline;
            this.redirects = redirects;
        }

        byte[] get(URI address, Headers headers, int limit) throws PullException {
            String where = Sources.shown(address.toString());
            for (int attempt = 1; ; attempt++) {
                try {
                    return once(address, where, headers.of(address), limit);
                } catch (TryAgainException error) {
                    long pause = limits.firstPause().toNanos() << (attempt - 1);
                    if (attempt == limits.attempts() || pause > deadline.leftNanos()) {
                        throw new PullException(error.getMessage());
                    }
                    sleep(pause);
                }
            }
        }

        private static void sleep(long nanos) throws PullException {
            try {
                TimeUnit.NANOSECONDS.sleep(ThreadLocalRandom.current().nextLong(nanos / 2, nanos + 1));
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
                throw new PullException("interrupted");
            }
        }

        private byte[] once(URI address, String where, Map<String, String> headers, int limit)
                throws PullException, TryAgainException {
            HttpRequest.Builder request = HttpRequest.newBuilder(address);
            headers.forEach(request::header);
            Body body = new Body(limit);
            CompletableFuture<HttpResponse<byte[]>> answer =
                    (redirects ? Clients.FOLLOWING : Clients.STAYING)
                            .sendAsync(request.build(), info -> body.of(info.statusCode()));
            try {
                HttpResponse<byte[]> response = watched(answer, body, where);
                int status = response.statusCode();
                if (status == 200) {
                    return response.body();
                }
                String what = where + " answers " + status;
                if (status == 403 || status == 404 || status == 410) {
                    throw new AbsentException(what);
                }
                if (status == 429 || status >= 500) {
                    throw new TryAgainException(what);
                }
                throw new PullException(what);
            } finally {
                answer.cancel(true);
            }
        }

        /** Waits for an answer as long as it comes on, fast enough. */
        private HttpResponse<byte[]> watched(
                CompletableFuture<HttpResponse<byte[]>> answer, Body body, String where)
                throws PullException, TryAgainException {
            long start = System.nanoTime();
            long step = Math.max(1, limits.silence().toNanos() / 10);
            while (true) {
                try {
                    return answer.get(Math.max(1, Math.min(step, deadline.leftNanos())), TimeUnit.NANOSECONDS);
                } catch (TimeoutException error) {
                    checkPace(start, body, where);
                } catch (InterruptedException error) {
                    Thread.currentThread().interrupt();
                    throw new PullException("interrupted");
                } catch (ExecutionException error) {
                    Throwable cause = error.getCause();
                    if (body.isTooLarge()) {
                        throw new PullException(
                                where + " is larger than the " + body.limit + " bytes it may have");
                    }
                    if (cause instanceof IOException problem) {
                        throw new TryAgainException("cannot reach " + where + ": " + reason(problem));
                    }
                    throw new PullException("cannot reach " + where + ": " + cause.getClass().getSimpleName());
                }
            }
        }

        private void checkPace(long start, Body body, String where) throws PullException, TryAgainException {
            if (deadline.leftNanos() <= 0) {
                throw new PullException("cannot reach " + where + ": the pull took too long (--deadline)");
            }
            long now = System.nanoTime();
            if (now - Math.max(start, body.lastNanos()) > limits.silence().toNanos()) {
                throw new TryAgainException("cannot reach " + where + ": the server is silent");
            }
            long due = limits.leastBytesPerSecond() * TimeUnit.NANOSECONDS.toMillis(now - start) / 1000;
            if (now - start > limits.grace().toNanos() && body.size() < due) {
                throw new PullException("cannot reach " + where + ": the server is too slow");
            }
        }
    }

    /** What may go well another time. */
    static final class TryAgainException extends Exception {
        private static final long serialVersionUID = 1L;

        TryAgainException(String message) {
            super(message);
        }
    }

    /** A body that is dropped as soon as it is larger than it may be. */
    static final class Body implements HttpResponse.BodySubscriber<byte[]> {
        final int limit;
        private final CompletableFuture<byte[]> result = new CompletableFuture<>();
        private final ByteArrayOutputStream data = new ByteArrayOutputStream();
        private Flow.Subscription subscription;
        private volatile long last;
        private volatile int size;
        private volatile boolean tooLarge;

        Body(int limit) {
            this.limit = limit;
            this.last = System.nanoTime();
        }

        /** Nothing is read of what tells of an error. */
        HttpResponse.BodySubscriber<byte[]> of(int status) {
            last = System.nanoTime();
            return status == 200 ? this : HttpResponse.BodySubscribers.replacing(new byte[0]);
        }

        long lastNanos() {
            return last;
        }

        int size() {
            return size;
        }

        boolean isTooLarge() {
            return tooLarge;
        }

        @Override
        public CompletionStage<byte[]> getBody() {
            return result;
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            subscription = given;
            subscription.request(1);
        }

        @Override
        public void onNext(List<ByteBuffer> buffers) {
            last = System.nanoTime();
            for (ByteBuffer buffer : buffers) {
                if ((long) size + buffer.remaining() > limit) {
                    tooLarge = true;
                    subscription.cancel();
                    result.completeExceptionally(new IOException("too large"));
                    return;
                }
                byte[] part = new byte[buffer.remaining()];
                buffer.get(part);
                data.writeBytes(part);
                size += part.length;
            }
            subscription.request(1);
        }

        @Override
        public void onError(Throwable error) {
            result.completeExceptionally(error);
        }

        @Override
        public void onComplete() {
            result.complete(data.toByteArray());
        }
    }

    /** A bucket, with what the environment says of credentials, region and endpoint. */
    static final class Bucket {
        private final Map<String, String> environment;
        private final String region;

        private Bucket(Map<String, String> environment) {
            this.environment = environment;
            this.region = setting("us-east-1", "AWS_REGION", "AWS_DEFAULT_REGION");
        }

        static Source open(String root, Map<String, String> environment, Web web) {
            Bucket bucket = new Bucket(environment);
            String[] parts = root.substring("s3://".length()).split("/", 2);
            String prefix = parts.length < 2 || parts[1].isEmpty() ? "" : parts[1].replaceFirst("/*$", "/");
            // The Host header, which is signed, lacks a port that goes without saying.
            String endpoint = bucket.setting("", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
                    .replaceFirst("^(http://[^/]*):80(?=/|$)|^(https://[^/]*):443(?=/|$)", "$1$2");
            String base = endpoint.isEmpty()
                    ? "https://" + parts[0] + ".s3." + bucket.region + ".amazonaws.com/"
                    : endpoint.replaceFirst("/*$", "/") + parts[0] + "/";
            return (path, limit) -> web.get(
                    Sources.address(base + encoded(prefix + path, "-._~/")), bucket::headers, limit);
        }

        private String setting(String fallback, String... names) {
            for (String name : names) {
                String value = environment.get(name);
                if (value != null && !value.isEmpty()) {
                    return value;
                }
            }
            return fallback;
        }

        /**
         * The headers that sign a GET with AWS Signature Version 4, none without credentials. See
         * "Create a signed AWS API request" in the reference of AWS Identity and Access Management.
         */
        private Map<String, String> headers(URI address) throws PullException {
            String access = setting("", "AWS_ACCESS_KEY_ID");
            String secret = setting("", "AWS_SECRET_ACCESS_KEY");
            if (access.isEmpty() || secret.isEmpty()) {
                return Map.of();
            }
            String time = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'")
                    .withZone(ZoneOffset.UTC)
                    .format(Instant.now());
            String day = time.substring(0, 8);
            String scope = day + "/" + region + "/s3/aws4_request";
            Map<String, String> headers = new LinkedHashMap<>();
            headers.put("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
            headers.put("x-amz-date", time);
            String token = setting("", "AWS_SESSION_TOKEN");
            if (!token.isEmpty()) {
                headers.put("x-amz-security-token", token);
            }
            StringBuilder signed = new StringBuilder("host:" + address.getAuthority() + "\n");
            headers.forEach((name, value) -> signed.append(name + ":" + value + "\n"));
            String names = "host;" + String.join(";", headers.keySet());
            String request = String.join(
                    "\n", "GET", address.getRawPath(), "", signed, names, "UNSIGNED-PAYLOAD");
            try {
                String hash = hex(digest("SHA-256", utf8(request)));
                byte[] key = utf8("AWS4" + secret);
                for (String part : List.of(day, region, "s3", "aws4_request")) {
                    key = hmac(key, part);
                }
                byte[] signature = hmac(key, "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + hash);
                headers.put("authorization", "AWS4-HMAC-SHA256 Credential=" + access + "/" + scope
                        + ", SignedHeaders=" + names + ", Signature=" + hex(signature));
            } catch (GeneralSecurityException error) {
                throw new PullException("cannot sign a request: " + error.getMessage());
            }
            return headers;
        }

        private static byte[] hmac(byte[] key, String text) throws GeneralSecurityException {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac.doFinal(utf8(text));
        }
    }

    // The command line

    private static PullException wrongUse(String message) {
        return new PullException(WRONG_USE, message);
    }

    private static Options parse(String[] args, Map<String, String> environment, Limits limits)
            throws PullException {
        Map<String, String> given = new LinkedHashMap<>();
        List<String> models = new ArrayList<>();
        List<String> known = List.of("--root", "--trusted-root", "--to", "--header-file", "--deadline",
                "--gateway", "--runtime", "--vectors");
        for (int i = 0; i < args.length; i++) {
            if (!args[i].startsWith("--")) {
                models.add(args[i]);
            } else if (!known.contains(args[i])) {
                throw wrongUse("unknown option " + args[i]);
            } else if (i + 1 == args.length) {
                throw wrongUse(args[i] + " needs a value");
            } else if (given.put(args[i], args[++i]) != null) {
                throw wrongUse(args[i - 1] + " is given twice");
            }
        }
        for (String name : List.of("--root", "--trusted-root", "--to")) {
            if (!given.containsKey(name) || given.get(name).isEmpty()) {
                throw wrongUse("no " + name);
            }
        }
        for (String model : models) {
            if (!MODEL.matcher(model).matches() || RESERVED.contains(model)) {
                throw wrongUse("'" + model + "' is not a model's name (e.g. nilm or forecasting_24h)");
            }
        }
        String root = given.get("--root");
        checkRoot(root);
        checkFolder(given.get("--to"));
        try {
            return new Options(root, Path.of(given.get("--trusted-root")), Path.of(given.get("--to")),
                    headers(given.get("--header-file"), environment, root),
                    given.containsKey("--deadline") ? limits.within(seconds(given.get("--deadline"))) : limits,
                    gateway(given), models, vectors(given.get("--vectors")));
        } catch (InvalidPathException error) {
            throw wrongUse("no path: " + error.getReason());
        }
    }

    private static Gateway gateway(Map<String, String> given) throws PullException {
        String id = given.get("--gateway");
        String runtime = given.get("--runtime");
        if (id == null && runtime != null) {
            throw wrongUse("--runtime is said of a --gateway");
        }
        if (id != null && !Candidate.ID.matcher(id).matches()) {
            throw wrongUse("'" + id + "' is no id of a gateway (1 to 128 letters, digits and . _ : @ -)");
        }
        if (runtime != null && !Candidate.RUNTIME.matcher(runtime).matches()) {
            throw wrongUse("'" + runtime + "' is no version of a runtime (e.g. 2.3.0)");
        }
        return id == null ? null : new Gateway(id, runtime);
    }

    /** A program and its arguments, without quotes. */
    private static List<String> vectors(String command) throws PullException {
        if (command == null) {
            return List.of();
        }
        if (command.isBlank()) {
            throw wrongUse("--vectors wants a program");
        }
        return List.of(command.strip().split("\\s+"));
    }

    private static void checkFolder(String to) throws PullException {
        try {
            if (Files.exists(Path.of(to)) && !Files.isDirectory(Path.of(to))) {
                throw wrongUse(to + " is no folder");
            }
        } catch (InvalidPathException error) {
            throw wrongUse("no path: " + error.getReason());
        }
    }

    private static void checkRoot(String root) throws PullException {
        if (root.matches("(?s)[A-Za-z][A-Za-z0-9+.-]*://.*") && !root.matches("(?s)(s3|https?|file)://.*")) {
            throw wrongUse("cannot open root " + Sources.shown(root)
                    + " (a path, file:///path, s3://bucket/prefix or https://host/path)");
        }
        if (root.matches("(?s)(s3|https?)://.*")) {
            if (root.matches("(?s)[a-z0-9]+://[^/]*@.*")) {
                throw wrongUse("the root has credentials in it, where others see them"
                        + " (put them in a file: --header-file)");
            }
            URI address = Sources.address(root.replaceFirst("^s3:", "http:").replace(" ", "%20"));
            if (address.getRawAuthority() == null || address.getRawQuery() != null
                    || address.getRawFragment() != null) {
                throw wrongUse("the root is no address of a folder");
            }
        }
    }

    private static Duration seconds(String text) throws PullException {
        if (!text.matches("[1-9][0-9]{0,4}")) {
            throw wrongUse("--deadline wants seconds, 1 to 99999");
        }
        return Duration.ofSeconds(Long.parseLong(text));
    }

    /** Headers for a web server: of a file, a line each, and the token of the environment. */
    private static Map<String, String> headers(String file, Map<String, String> environment, String root)
            throws PullException {
        Map<String, String> headers = new LinkedHashMap<>();
        boolean isWeb = root.matches("(?s)https?://.*");
        if (file != null && !isWeb) {
            throw wrongUse("--header-file is for http and https");
        }
        if (!isWeb) {
            return headers;
        }
        String token = environment.getOrDefault(TOKEN, "");
        if (!token.isEmpty()) {
            addHeader(headers, "Authorization: Bearer " + token, TOKEN);
        }
        if (file != null) {
            for (String line : lines(file)) {
                if (!line.isBlank()) {
                    addHeader(headers, line, file);
                }
            }
        }
        return headers;
    }

    private static List<String> lines(String file) throws PullException {
        try {
            return new String(bounded(Path.of(file), MAX_SMALL_BYTES), StandardCharsets.UTF_8).lines().toList();
        } catch (NoSuchFileException error) {
            throw new PullException(NOT_THERE, "no header file " + file);
        } catch (IOException error) {
            throw new PullException(NOT_THERE, "cannot read " + file + ": " + reason(error));
        }
    }

    /** The value is nowhere in the message: it may be a secret. */
    private static void addHeader(Map<String, String> headers, String line, String where)
            throws PullException {
        int colon = line.indexOf(':');
        String name = colon < 0 ? "" : line.substring(0, colon).strip();
        String value = line.substring(colon + 1).strip();
        Set<String> own = Set.of("connection", "content-length", "expect", "host", "upgrade",
                "transfer-encoding");
        if (!name.matches("[A-Za-z0-9!#$%&'*+.^_`|~-]+") || !value.matches("[\\x20-\\x7e]+")
                || own.contains(name.toLowerCase(java.util.Locale.ROOT))) {
            throw new PullException(NOT_THERE, where + " has a line that is not 'Name: value'");
        }
        headers.put(name, value);
    }

    // JSON

    /** JSON as maps, lists, strings, longs, booleans and null; strict, and canonical again. */
    static final class Json {
        private static final int MAX_DEPTH = 64;
        private static final long MAX_NUMBER = (1L << 53) - 1;
        private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9][0-9]{0,15})(?![0-9.eE])");
        private final String text;
        private int at;

        private Json(String text) {
            this.text = text;
        }

        static Object parse(byte[] data) throws FormException {
            try {
                Json json = new Json(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(data)).toString());
                Object value = json.value(0);
                json.skipSpace();
                if (json.at != json.text.length()) {
                    throw new FormException("there is more after its end");
                }
                return value;
            } catch (CharacterCodingException error) {
                throw new FormException("it is not UTF-8");
            } catch (IllegalArgumentException | IndexOutOfBoundsException error) {
                throw new FormException("it is not JSON");
            }
        }

        /** Canonical JSON of the OLPC, over which metadata is signed. */
        static byte[] canonical(Object value) {
            StringBuilder built = new StringBuilder();
            write(value, built);
            return utf8(built.toString());
        }

        private static void write(Object value, StringBuilder built) {
            if (value instanceof Map<?, ?> map) {
                List<String> names = new ArrayList<>();
                map.keySet().forEach(name -> names.add((String) name));
                names.sort(Json::byCodePoint);
                String separator = "{";
                for (String name : names) {
                    built.append(separator);
                    write(name, built);
                    built.append(':');
                    write(map.get(name), built);
                    separator = ",";
                }
                built.append(names.isEmpty() ? "{}" : "}");
            } else if (value instanceof List<?> list) {
                built.append('[');
                for (int i = 0; i < list.size(); i++) {
                    built.append(i == 0 ? "" : ",");
                    write(list.get(i), built);
                }
                built.append(']');
            } else if (value instanceof String string) {
                built.append('"').append(string.replace("\\", "\\\\").replace("\"", "\\\"")).append('"');
            } else {
                built.append(value);
            }
        }

        private static int byCodePoint(String one, String other) {
            return Arrays.compare(one.codePoints().toArray(), other.codePoints().toArray());
        }

        private Object value(int depth) throws FormException {
            skipSpace();
            return switch (text.charAt(at)) {
                case '{' -> object(deeper(depth));
                case '[' -> array(deeper(depth));
                case '"' -> string();
                case 't' -> word("true", true);
                case 'f' -> word("false", false);
                case 'n' -> word("null", null);
                default -> number();
            };
        }

        private static int deeper(int depth) throws FormException {
            if (depth == MAX_DEPTH) {
                throw new FormException("it is nested deeper than " + MAX_DEPTH);
            }
            return depth + 1;
        }

        private Map<String, Object> object(int depth) throws FormException {
            Map<String, Object> fields = new LinkedHashMap<>();
            expect('{');
            if (!found('}')) {
                do {
                    skipSpace();
                    String name = string();
                    if (fields.containsKey(name)) {
                        throw new FormException("a name is there twice");
                    }
                    expect(':');
                    fields.put(name, value(depth));
                } while (found(','));
                expect('}');
            }
            return fields;
        }

        private List<Object> array(int depth) throws FormException {
            List<Object> items = new ArrayList<>();
            expect('[');
            if (!found(']')) {
                do {
                    items.add(value(depth));
                } while (found(','));
                expect(']');
            }
            return items;
        }

        private String string() throws FormException {
            expect('"');
            StringBuilder built = new StringBuilder();
            while (text.charAt(at) != '"') {
                char next = text.charAt(at++);
                if (next < ' ') {
                    throw new IllegalArgumentException("a bare control character");
                }
                built.append(next == '\\' ? escaped() : next);
            }
            at++;
            String string = built.toString();
            if (string.codePoints().anyMatch(point -> point >= 0xd800 && point < 0xe000)) {
                throw new FormException("it has half a character");
            }
            return string;
        }

        private char escaped() {
            char kind = text.charAt(at++);
            if (kind == 'u') {
                at += 4;
                return (char) HexFormat.fromHexDigits(text, at - 4, at);
            }
            int index = "\"\\/bfnrt".indexOf(kind);
            if (index < 0) {
                throw new IllegalArgumentException("an unknown escape");
            }
            return "\"\\/\b\f\n\r\t".charAt(index);
        }

        private Long number() throws FormException {
            java.util.regex.Matcher matcher = NUMBER.matcher(text).region(at, text.length());
            if (!matcher.useTransparentBounds(true).lookingAt()) {
                throw new FormException("it has what is neither a value nor a whole number");
            }
            at = matcher.end();
            long number = Long.parseLong(matcher.group());
            if (Math.abs(number) > MAX_NUMBER) {
                throw new FormException("it has a number that is too large");
            }
            return number;
        }

        private Object word(String word, Object value) {
            if (!text.startsWith(word, at)) {
                throw new IllegalArgumentException("an unknown word");
            }
            at += word.length();
            return value;
        }

        private void expect(char wanted) {
            if (!found(wanted)) {
                throw new IllegalArgumentException("no " + wanted);
            }
        }

        private boolean found(char wanted) {
            skipSpace();
            if (text.charAt(at) != wanted) {
                return false;
            }
            at++;
            return true;
        }

        private void skipSpace() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }
    }
}
