import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Pulls verified SmartWatts models into a folder. JDK 17, nothing else:
 *
 * <pre>java SmartWattsPull.java --root https://models.example.org/smartwatts \
 *     --key smartwatts.pub --out app/src/main/assets nilm forecasting_24h</pre>
 *
 * Trusts the pinned keys and nothing the server says: the signed pointer names version, digest,
 * size, serial and expiry. A serial lower than the last one pulled into the folder is refused, so
 * that nobody can put an old store back. Exit codes: 0 done, 2 wrong use, 4 store or trust.
 */
public final class SmartWattsPull {
    private static final String POINTER_TYPE = "application/vnd.smartwatts.champion+json";
    private static final String MANIFEST_TYPE = "application/vnd.smartwatts.manifest+json";
    private static final int MAX_DOCUMENT_BYTES = 1 << 20;
    private static final int MAX_FILE_BYTES = 64 << 20;
    private static final Pattern MODEL = Pattern.compile("[a-z][a-z0-9_]{0,63}");
    private static final String USAGE =
            "usage: java SmartWattsPull.java --root DIR|URL --key FILE.pub [--key FILE.pub]..."
                    + " --out DIR [--header 'Name: value'] MODEL...";

    /** Something that stops a pull; the message is for people. */
    static final class PullException extends Exception {
        private static final long serialVersionUID = 1L;

        PullException(String message) {
            super(message);
        }
    }

    /** Where objects come from. */
    interface Store {
        byte[] read(String key, int limit) throws IOException, PullException;
    }

    /** The command line. */
    record Options(Store store, List<PublicKey> keys, Path out, List<String> models) {}

    /** What the pointer and the manifest both say of a version. */
    record Version(String model, long version, String sha256, int size) {
        String fileName() {
            return model + "_v" + version + ".tflite";
        }

        String manifestName() {
            return model + "_v" + version + ".json";
        }
    }

    private final Options options;

    private SmartWattsPull(Options options) {
        this.options = options;
    }

    public static void main(String[] args) {
        try {
            Options options = parse(args);
            for (String model : options.models()) {
                System.out.println(new SmartWattsPull(options).pull(model));
            }
        } catch (IllegalArgumentException error) {
            System.err.println("error: " + error.getMessage() + "\n" + USAGE);
            System.exit(2);
        } catch (PullException | IOException | GeneralSecurityException error) {
            String what = error instanceof PullException ? "" : error.getClass().getSimpleName() + " ";
            System.err.println("error: " + what + error.getMessage());
            System.exit(4);
        }
    }

    /** Brings one model up to date; a line that says what was done. */
    private String pull(String model) throws PullException, IOException, GeneralSecurityException {
        String folder = "models/" + model + "/";
        byte[] envelope = options.store().read(folder + "champion.json", MAX_DOCUMENT_BYTES);
        Map<String, Object> pointer = verified(envelope, POINTER_TYPE, folder + "champion.json");
        Version champion = version(pointer, model, folder + "champion.json");
        long serial = number(pointer, "serial");
        checkExpiry(pointer, model);
        long seen = lastSerial(model);
        if (serial < seen) {
            throw new PullException("the store offers serial " + serial + " of " + model + ", but "
                    + seen + " was pulled here before (if the store was rebuilt on purpose, remove "
                    + options.out().resolve(model + ".serial") + ")");
        }
        String text = model + " v" + champion.version();
        if (isUpToDate(champion)) {
            if (serial > seen) {
                writeSerial(model, serial);
            }
            return text + " up to date";
        }
        String manifestKey = folder + champion.manifestName();
        byte[] manifest = options.store().read(manifestKey, MAX_DOCUMENT_BYTES);
        checkManifest(manifest, champion, manifestKey);
        byte[] file = options.store().read(folder + champion.fileName(), champion.size());
        if (!isFile(file, champion)) {
            throw new PullException(folder + champion.fileName() + " is not the file that was signed");
        }
        // The stable name and the serial come last: a crash never leaves one without the rest.
        write(champion.fileName(), file);
        write(champion.manifestName(), manifest);
        write(model + ".tflite", file);
        writeSerial(model, serial);
        return text + " updated: " + options.out().resolve(model + ".tflite");
    }

    private static void checkExpiry(Map<String, Object> pointer, String model) throws PullException {
        String expires = string(pointer, "expires");
        try {
            if (Instant.parse(expires).isAfter(Instant.now())) {
                return;
            }
        } catch (DateTimeParseException error) {
            throw new PullException("the pointer of " + model + " has no valid expiry");
        }
        throw new PullException("the pointer of " + model + " expired " + expires
                + " (`smartwatts models resign " + model + "` where the signing key is)");
    }

    /** The serial of the last pull into the folder, 0 before the first. */
    private long lastSerial(String model) throws PullException, IOException {
        Path path = options.out().resolve(model + ".serial");
        if (!Files.exists(path)) {
            return 0;
        }
        try {
            return Long.parseLong(Files.readString(path).strip());
        } catch (NumberFormatException error) {
            throw new PullException("cannot read " + path + " (remove it to trust the store anew)");
        }
    }

    private void checkManifest(byte[] envelope, Version champion, String where)
            throws PullException, GeneralSecurityException {
        Version described = version(verified(envelope, MANIFEST_TYPE, where), champion.model(), where);
        if (!described.equals(champion)) {
            throw new PullException(where + " does not describe what the pointer points to");
        }
    }

    private boolean isUpToDate(Version champion) throws IOException, GeneralSecurityException {
        Path stable = options.out().resolve(champion.model() + ".tflite");
        Path versioned = options.out().resolve(champion.fileName());
        Path manifest = options.out().resolve(champion.manifestName());
        if (!Files.exists(stable) || !Files.exists(versioned) || !Files.exists(manifest)) {
            return false;
        }
        try {
            checkManifest(Files.readAllBytes(manifest), champion, manifest.toString());
        } catch (PullException error) {
            return false;
        }
        return isFile(Files.readAllBytes(stable), champion)
                && isFile(Files.readAllBytes(versioned), champion);
    }

    private static boolean isFile(byte[] data, Version version) throws GeneralSecurityException {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(data);
        return data.length == version.size()
                && HexFormat.of().formatHex(digest).equals(version.sha256());
    }

    private void writeSerial(String model, long serial) throws IOException {
        write(model + ".serial", (serial + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    /** Replaces a file in one step. */
    private void write(String name, byte[] data) throws IOException {
        Files.createDirectories(options.out());
        Path temporary = Files.createTempFile(options.out(), "." + name, ".tmp");
        try {
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
                ByteBuffer buffer = ByteBuffer.wrap(data);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
                channel.force(true);
            }
            Files.move(temporary, options.out().resolve(name), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    // Documents: DSSE envelopes around JSON

    /** The payload of an envelope that one of the pinned keys signed. */
    private Map<String, Object> verified(byte[] envelope, String type, String where)
            throws PullException, GeneralSecurityException {
        Map<String, Object> fields = object(Json.parse(envelope, where), where);
        byte[] payload = base64(string(fields, "payload"), where);
        if (!type.equals(string(fields, "payloadType"))) {
            throw new PullException(
                    where + " is a " + string(fields, "payloadType") + ", not a " + type);
        }
        if (!(fields.get("signatures") instanceof List<?> signatures)) {
            throw new PullException(where + " is not signed");
        }
        byte[] message = preAuthenticationEncoding(type, payload);
        for (Object signature : signatures) {
            byte[] bytes = base64(string(object(signature, where), "sig"), where);
            for (PublicKey key : options.keys()) {
                if (verifies(key, message, bytes)) {
                    return object(Json.parse(payload, where), where);
                }
            }
        }
        throw new PullException(where + " is not signed by a pinned key");
    }

    private static boolean verifies(PublicKey key, byte[] message, byte[] signature)
            throws GeneralSecurityException {
        Signature verifier = Signature.getInstance("Ed25519");
        verifier.initVerify(key);
        verifier.update(message);
        try {
            return verifier.verify(signature);
        } catch (java.security.SignatureException error) {
            return false; // not the form of a signature
        }
    }

    private static byte[] preAuthenticationEncoding(String type, byte[] payload) {
        String head = "DSSEv1 " + type.length() + " " + type + " " + payload.length + " ";
        byte[] start = head.getBytes(StandardCharsets.US_ASCII);
        byte[] message = Arrays.copyOf(start, start.length + payload.length);
        System.arraycopy(payload, 0, message, start.length, payload.length);
        return message;
    }

    private static Version version(Map<String, Object> fields, String model, String where)
            throws PullException {
        if (number(fields, "schema") != 1) {
            throw new PullException(where + " has a schema that this puller does not read: update it");
        }
        long size = number(fields, "size");
        if (size < 1 || size > MAX_FILE_BYTES) {
            throw new PullException(where + " names a file of " + size + " bytes");
        }
        Version version = new Version(
                string(fields, "model"),
                number(fields, "version"),
                string(fields, "sha256"),
                (int) size);
        if (!version.model().equals(model) || !version.fileName().equals(string(fields, "file"))) {
            throw new PullException(where + " is of " + version.model() + " v" + version.version());
        }
        return version;
    }

    private static byte[] base64(String text, String where) throws PullException {
        try {
            return Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException error) {
            throw new PullException(where + " is not a signed envelope");
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object value, String where) throws PullException {
        if (value instanceof Map<?, ?> map) {
            return (Map<String, Object>) map;
        }
        throw new PullException(where + " is not a JSON object where one is due");
    }

    private static String string(Map<String, Object> fields, String name) throws PullException {
        if (fields.get(name) instanceof String text) {
            return text;
        }
        throw new PullException("no text \"" + name + "\" in a document of the store");
    }

    private static long number(Map<String, Object> fields, String name) throws PullException {
        try {
            if (fields.get(name) instanceof BigDecimal value) {
                return value.longValueExact();
            }
        } catch (ArithmeticException error) {
            throw new PullException("\"" + name + "\" is not a whole number");
        }
        throw new PullException("no number \"" + name + "\" in a document of the store");
    }

    // The command line, keys and sources

    private static Options parse(String[] args) throws PullException, IOException {
        Map<String, List<String>> given = new LinkedHashMap<>();
        List<String> models = new ArrayList<>();
        for (int i = 0; i < args.length; i++) {
            if (!args[i].startsWith("--")) {
                models.add(args[i]);
            } else if (!List.of("--root", "--key", "--out", "--header").contains(args[i])) {
                throw new IllegalArgumentException("unknown option " + args[i]);
            } else if (i + 1 == args.length) {
                throw new IllegalArgumentException(args[i] + " needs a value");
            } else {
                given.computeIfAbsent(args[i], name -> new ArrayList<>()).add(args[++i]);
            }
        }
        for (String name : List.of("--root", "--key", "--out")) {
            if (!given.containsKey(name)) {
                throw new IllegalArgumentException(name + " is missing");
            }
        }
        if (models.isEmpty() || !models.stream().allMatch(name -> MODEL.matcher(name).matches())) {
            throw new IllegalArgumentException("name the models, e.g. nilm forecasting_24h");
        }
        List<PublicKey> keys = new ArrayList<>();
        for (String path : given.get("--key")) {
            keys.add(loadKey(Path.of(path)));
        }
        String root = given.get("--root").get(0);
        Store store = root.matches("https?://.*")
                ? overHttp(root, given.getOrDefault("--header", List.of()))
                : inDirectory(root.startsWith("file:") ? Path.of(URI.create(root)) : Path.of(root));
        return new Options(store, keys, Path.of(given.get("--out").get(0)), models);
    }

    private static PublicKey loadKey(Path path) throws PullException, IOException {
        try {
            String pem = Files.readString(path);
            String body = pem.replaceAll("-----(BEGIN|END) PUBLIC KEY-----", "").replaceAll("\\s", "");
            return KeyFactory.getInstance("Ed25519")
                    .generatePublic(new X509EncodedKeySpec(Base64.getDecoder().decode(body)));
        } catch (NoSuchFileException error) {
            throw new PullException("no key " + path);
        } catch (IllegalArgumentException | GeneralSecurityException error) {
            throw new PullException(path + " is not an Ed25519 public key in PEM form");
        }
    }

    private static Store inDirectory(Path root) {
        return (key, limit) -> {
            try (InputStream stream = Files.newInputStream(root.resolve(key))) {
                return limited(stream, limit, key);
            } catch (NoSuchFileException error) {
                throw new PullException("no " + key + " in " + root);
            }
        };
    }

    private static Store overHttp(String root, List<String> headers) {
        HttpClient client = HttpClient.newBuilder()
                .connectTimeout(Duration.ofSeconds(15))
                // A header may be a secret that no other host should get.
                .followRedirects(
                        headers.isEmpty() ? HttpClient.Redirect.NORMAL : HttpClient.Redirect.NEVER)
                .build();
        String base = root.endsWith("/") ? root : root + "/";
        return (key, limit) -> {
            HttpRequest.Builder request =
                    HttpRequest.newBuilder(URI.create(base + key)).timeout(Duration.ofSeconds(60));
            for (String header : headers) {
                int colon = header.indexOf(':');
                if (colon < 1) {
                    throw new IllegalArgumentException("--header wants 'Name: value'");
                }
                request.header(header.substring(0, colon).strip(), header.substring(colon + 1).strip());
            }
            try {
                HttpResponse<InputStream> response =
                        client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
                try (InputStream stream = response.body()) {
                    if (response.statusCode() != 200) {
                        throw new PullException(base + key + " answers " + response.statusCode());
                    }
                    return limited(stream, limit, key);
                }
            } catch (IOException error) {
                String why = error.getMessage() == null ? "" : ", " + error.getMessage();
                throw new PullException(
                        "cannot reach " + base + key + ": " + error.getClass().getSimpleName() + why);
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
                throw new PullException("interrupted");
            }
        };
    }

    /** A body, but never more of it than is due. */
    private static byte[] limited(InputStream stream, int limit, String key)
            throws IOException, PullException {
        byte[] data = stream.readNBytes(limit + 1);
        if (data.length > limit) {
            throw new PullException(key + " is larger than the " + limit + " bytes it may have");
        }
        return data;
    }

    /** JSON as maps, lists, strings, BigDecimals, booleans and null; strict. */
    static final class Json {
        private static final int MAX_DEPTH = 64;
        private static final Pattern NUMBER =
                Pattern.compile("-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?");
        private final String text;
        private int at;

        private Json(String text) {
            this.text = text;
        }

        static Object parse(byte[] data, String where) throws PullException {
            Json json = new Json(new String(data, StandardCharsets.UTF_8));
            try {
                Object value = json.value(0);
                json.skipSpace();
                if (json.at != json.text.length()) {
                    throw new IllegalArgumentException("more after the end");
                }
                return value;
            } catch (IllegalArgumentException | IndexOutOfBoundsException error) {
                throw new PullException(where + " is not JSON");
            }
        }

        private Object value(int depth) {
            if (depth > MAX_DEPTH) {
                throw new IllegalArgumentException("too deep");
            }
            skipSpace();
            return switch (text.charAt(at)) {
                case '{' -> object(depth);
                case '[' -> array(depth);
                case '"' -> string();
                case 't' -> word("true", true);
                case 'f' -> word("false", false);
                case 'n' -> word("null", null);
                default -> number();
            };
        }

        private Map<String, Object> object(int depth) {
            Map<String, Object> fields = new LinkedHashMap<>();
            expect('{');
            if (!found('}')) {
                do {
                    skipSpace();
                    String name = string();
                    expect(':');
                    if (fields.put(name, value(depth + 1)) != null) {
                        throw new IllegalArgumentException("a name twice");
                    }
                } while (found(','));
                expect('}');
            }
            return fields;
        }

        private List<Object> array(int depth) {
            List<Object> items = new ArrayList<>();
            expect('[');
            if (!found(']')) {
                do {
                    items.add(value(depth + 1));
                } while (found(','));
                expect(']');
            }
            return items;
        }

        private String string() {
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
            return built.toString();
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

        private BigDecimal number() {
            java.util.regex.Matcher matcher = NUMBER.matcher(text).region(at, text.length());
            if (!matcher.lookingAt()) {
                throw new IllegalArgumentException("neither a value nor a number");
            }
            at = matcher.end();
            return new BigDecimal(matcher.group());
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
