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
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Pulls verified SmartWatts models into a folder. JDK 17, nothing else:
 *
 * <pre>java SmartWattsPull.java --root https://models.example.org/smartwatts \
 *     --key smartwatts.pub --to src/main/resources/models nilm forecasting_24h</pre>
 *
 * Trusts the pinned keys and nothing the server says: the signed pointer names version, digest,
 * size, serial and expiry. A serial lower than the last one pulled into the folder is refused, so
 * that nobody can put an old store back. Everything is verified before the first file is written,
 * so a pull that fails leaves the folder as it was. A root s3://bucket/prefix is read with the
 * credentials of AWS_ACCESS_KEY_ID and its companions; permission to read is enough. Exit codes: 0
 * done, 2 wrong use, 4 store or trust.
 */
public final class SmartWattsPull {
    private static final String POINTER_TYPE = "application/vnd.smartwatts.champion+json";
    private static final String MANIFEST_TYPE = "application/vnd.smartwatts.manifest+json";
    private static final int MAX_DOCUMENT_BYTES = 1 << 20;
    private static final int MAX_FILE_BYTES = 64 << 20;
    private static final byte[] IDENTIFIER = "TFL3".getBytes(StandardCharsets.US_ASCII);
    private static final Duration CLOCK_TOLERANCE = Duration.ofDays(1);
    private static final Pattern MODEL = Pattern.compile("[a-z][a-z0-9_]{0,63}");
    private static final String USAGE =
            "usage: java SmartWattsPull.java --root DIR|URL --key FILE.pub [--key FILE.pub]..."
                    + " --to DIR [--header 'Name: value'] MODEL...";

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
    record Options(Store store, List<PublicKey> keys, Path to, List<String> models) {}

    /** What the pointer and the manifest both say of a version. */
    record Version(String model, long version, String sha256, int size) {
        String fileName() {
            return model + "_v" + version + ".tflite";
        }

        String manifestName() {
            return model + "_v" + version + ".json";
        }
    }

    /** A file to write: its name and its bytes. */
    record Change(String name, byte[] data) {}

    /** What a model needs, verified, and what to say when it is done. */
    record Pulled(Version version, List<Change> changes, String line) {}

    private final Options options;

    private SmartWattsPull(Options options) {
        this.options = options;
    }

    public static void main(String[] args) {
        try {
            Options options = parse(args);
            List<Pulled> pulled = new ArrayList<>();
            SmartWattsPull puller = new SmartWattsPull(options);
            for (String model : options.models()) {
                pulled.add(puller.pull(model));
            }
            puller.write(pulled);
            pulled.forEach(item -> System.out.println(item.line()));
        } catch (IllegalArgumentException error) {
            System.err.println("error: " + error.getMessage() + "\n" + USAGE);
            System.exit(2);
        } catch (PullException | IOException | GeneralSecurityException error) {
            String what = error instanceof PullException ? "" : error.getClass().getSimpleName() + " ";
            System.err.println("error: " + what + error.getMessage());
            System.exit(4);
        }
    }

    /** Everything that brings one model up to date, verified; nothing is written yet. */
    private Pulled pull(String model) throws PullException, IOException, GeneralSecurityException {
        String folder = "models/" + model + "/";
        byte[] envelope = options.store().read(folder + "champion.json", MAX_DOCUMENT_BYTES);
        Map<String, Object> pointer = verified(envelope, POINTER_TYPE, folder + "champion.json");
        Version champion = version(pointer, model, folder + "champion.json");
        long serial = number(pointer, "serial");
        checkTimes(pointer, model);
        long seen = lastSerial(model);
        if (serial < seen) {
            throw new PullException("the store offers serial " + serial + " of " + model + ", but "
                    + seen + " was pulled here before (if the store was rebuilt on purpose, remove "
                    + options.to().resolve(model + ".serial") + ")");
        }
        boolean current = isUpToDate(champion);
        List<Change> changes = new ArrayList<>(current ? List.of() : files(champion, folder));
        if (serial != seen) {
            byte[] text = (serial + "\n").getBytes(StandardCharsets.US_ASCII);
            changes.add(new Change(model + ".serial", text));
        }
        String what = current ? " up to date: " : " updated: ";
        String line = model + " v" + champion.version() + what + options.to().resolve(model + ".tflite");
        return new Pulled(champion, changes, line);
    }

    /** The champion's files, in the order in which they take their names. */
    private List<Change> files(Version champion, String folder)
            throws PullException, IOException, GeneralSecurityException {
        String manifestKey = folder + champion.manifestName();
        byte[] manifest = options.store().read(manifestKey, MAX_DOCUMENT_BYTES);
        checkManifest(manifest, champion, manifestKey);
        String fileKey = folder + champion.fileName();
        byte[] file = options.store().read(fileKey, champion.size());
        if (!isFile(file, champion)) {
            throw new PullException(fileKey + " is not the file that was signed");
        }
        if (file.length < 8 || !Arrays.equals(file, 4, 8, IDENTIFIER, 0, 4)) {
            throw new PullException(
                    fileKey + " is not a .tflite file: it lacks the identifier TFL3");
        }
        // The stable name and, after it, the serial come last: a crash never leaves one of them
        // without what it stands for.
        return List.of(
                new Change(champion.fileName(), file),
                new Change(champion.manifestName(), manifest),
                new Change(champion.model() + ".tflite", file));
    }

    private static void checkTimes(Map<String, Object> pointer, String model) throws PullException {
        String trouble = null;
        try {
            Instant now = Instant.now();
            if (!Instant.parse(string(pointer, "expires")).isAfter(now)) {
                trouble = "expired " + string(pointer, "expires");
            } else if (Instant.parse(string(pointer, "time")).isAfter(now.plus(CLOCK_TOLERANCE))) {
                trouble = "was signed in the future, " + string(pointer, "time");
            }
        } catch (DateTimeParseException error) {
            trouble = "has no valid times";
        }
        if (trouble != null) {
            throw new PullException("the pointer of " + model + " " + trouble
                    + " (`smartwatts models resign " + model + "` where the signing key is)");
        }
    }

    /** The serial of the last pull into the folder, 0 before the first. */
    private long lastSerial(String model) throws PullException, IOException {
        Path path = options.to().resolve(model + ".serial");
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
        Path stable = options.to().resolve(champion.model() + ".tflite");
        Path versioned = options.to().resolve(champion.fileName());
        Path manifest = options.to().resolve(champion.manifestName());
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

    /** Writes every change or none: all bytes are on the disk before one file takes its name. */
    private void write(List<Pulled> pulled) throws PullException, IOException {
        Map<Path, Path> staged = new LinkedHashMap<>();
        try {
            for (Pulled item : pulled) {
                for (Change change : item.changes()) {
                    staged.put(stage(change.data()), options.to().resolve(change.name()));
                }
            }
            for (Map.Entry<Path, Path> move : staged.entrySet()) {
                Files.move(move.getKey(), move.getValue(), StandardCopyOption.ATOMIC_MOVE);
            }
            if (!staged.isEmpty()) {
                flush(options.to());
            }
            for (Pulled item : pulled) {
                if (item.changes().size() > 1) {
                    removeOtherVersions(item.version());
                }
            }
        } catch (IOException error) {
            throw new PullException("cannot write " + options.to() + ": " + error.getMessage());
        } finally {
            for (Path temporary : staged.keySet()) {
                Files.deleteIfExists(temporary);
            }
        }
    }

    /** A file beside its place, flushed to the disk, or no file. */
    private Path stage(byte[] data) throws IOException {
        Files.createDirectories(options.to());
        Path temporary = Files.createTempFile(options.to(), ".pull-", null);
        try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
            ByteBuffer buffer = ByteBuffer.wrap(data);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            channel.force(true);
            Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rw-r--r--"));
        } catch (UnsupportedOperationException error) {
            return temporary; // a file system without such permissions
        } catch (IOException error) {
            Files.deleteIfExists(temporary);
            throw error;
        }
        return temporary;
    }

    /** Makes new names survive a power cut, where the system lets a folder be flushed. */
    private static void flush(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException error) {
            return; // Windows opens no folders
        }
    }

    /** An app ships its whole folder, so what earlier pulls left goes. */
    private void removeOtherVersions(Version kept) throws IOException {
        Pattern name = Pattern.compile(kept.model() + "_v[1-9][0-9]*\\.(tflite|json)");
        try (DirectoryStream<Path> files = Files.newDirectoryStream(options.to())) {
            for (Path path : files) {
                String found = path.getFileName().toString();
                if (name.matcher(found).matches()
                        && !found.equals(kept.fileName())
                        && !found.equals(kept.manifestName())) {
                    Files.deleteIfExists(path);
                }
            }
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
            } else if (!List.of("--root", "--key", "--to", "--header").contains(args[i])) {
                throw new IllegalArgumentException("unknown option " + args[i]);
            } else if (i + 1 == args.length) {
                throw new IllegalArgumentException(args[i] + " needs a value");
            } else {
                given.computeIfAbsent(args[i], name -> new ArrayList<>()).add(args[++i]);
            }
        }
        for (String name : List.of("--root", "--key", "--to")) {
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
        Store store = open(given.get("--root").get(0), given.getOrDefault("--header", List.of()));
        return new Options(store, keys, Path.of(given.get("--to").get(0)), models);
    }

    private static Store open(String root, List<String> headers) {
        if (root.matches("s3://[^/]+.*")) {
            if (!headers.isEmpty()) {
                throw new IllegalArgumentException("--header is for http and https");
            }
            return inBucket(root);
        }
        if (root.matches("https?://.*")) {
            return overHttp(root, headers);
        }
        return inDirectory(root.startsWith("file:") ? Path.of(URI.create(root)) : Path.of(root));
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
        Map<String, String> given = new LinkedHashMap<>();
        for (String header : headers) {
            int colon = header.indexOf(':');
            if (colon < 1) {
                throw new IllegalArgumentException("--header wants 'Name: value'");
            }
            given.put(header.substring(0, colon).strip(), header.substring(colon + 1).strip());
        }
        HttpClient client = client(headers.isEmpty());
        String base = root.endsWith("/") ? root : root + "/";
        return (key, limit) -> get(client, URI.create(base + key), given, limit);
    }

    /** A bucket, with what the environment says of credentials, region and endpoint. */
    private static Store inBucket(String root) {
        String[] parts = root.substring("s3://".length()).split("/", 2);
        String prefix = parts.length < 2 || parts[1].isEmpty() ? "" : parts[1].replaceAll("/*$", "/");
        String region = environment("us-east-1", "AWS_REGION", "AWS_DEFAULT_REGION");
        // The Host header, which is signed, lacks a port that goes without saying.
        String endpoint = environment("", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
                .replaceFirst("^(http://[^/]*):80(?=/|$)|^(https://[^/]*):443(?=/|$)", "$1$2");
        String base = endpoint.isEmpty()
                ? "https://" + parts[0] + ".s3." + region + ".amazonaws.com/"
                : endpoint.replaceAll("/*$", "/") + parts[0] + "/";
        HttpClient client = client(false);
        return (key, limit) -> {
            URI address = URI.create(base + encoded(prefix + key));
            return get(client, address, s3Headers(address, region), limit);
        };
    }

    private static String environment(String fallback, String... names) {
        for (String name : names) {
            String value = System.getenv(name);
            if (value != null && !value.isEmpty()) {
                return value;
            }
        }
        return fallback;
    }

    /** A path as it is signed: all but unreserved characters and slashes in percent form. */
    private static String encoded(String path) {
        StringBuilder built = new StringBuilder();
        for (byte b : path.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xff);
            if (c < 128 && (Character.isLetterOrDigit(c) || "-._~/".indexOf(c) >= 0)) {
                built.append(c);
            } else {
                built.append(String.format("%%%02X", b & 0xff));
            }
        }
        return built.toString();
    }

    /**
     * The headers that sign a GET with AWS Signature Version 4, none without credentials. See "Create
     * a signed AWS API request" in the reference of AWS Identity and Access Management.
     */
    private static Map<String, String> s3Headers(URI address, String region)
            throws PullException {
        String access = environment("", "AWS_ACCESS_KEY_ID");
        String secret = environment("", "AWS_SECRET_ACCESS_KEY");
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
        String token = environment("", "AWS_SESSION_TOKEN");
        if (!token.isEmpty()) {
            headers.put("x-amz-security-token", token);
        }
        StringBuilder signed = new StringBuilder("host:" + address.getAuthority() + "\n");
        headers.forEach((name, value) -> signed.append(name + ":" + value + "\n"));
        String names = "host;" + String.join(";", headers.keySet());
        String request = String.join(
                "\n", "GET", address.getRawPath(), "", signed, names, "UNSIGNED-PAYLOAD");
        try {
            String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(utf8(request)));
            byte[] key = utf8("AWS4" + secret);
            for (String part : List.of(day, region, "s3", "aws4_request")) {
                key = hmac(key, part);
            }
            byte[] signature = hmac(key, "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + hash);
            headers.put("authorization", "AWS4-HMAC-SHA256 Credential=" + access + "/" + scope
                    + ", SignedHeaders=" + names
                    + ", Signature=" + HexFormat.of().formatHex(signature));
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

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Redirects are followed only where no header could leak to another host. */
    private static HttpClient client(boolean redirects) {
        return HttpClient.newBuilder()
                .connectTimeout(Duration.ofSeconds(15))
                .followRedirects(redirects ? HttpClient.Redirect.NORMAL : HttpClient.Redirect.NEVER)
                .build();
    }

    private static byte[] get(HttpClient client, URI address, Map<String, String> headers, int limit)
            throws PullException {
        HttpRequest.Builder request = HttpRequest.newBuilder(address).timeout(Duration.ofSeconds(60));
        headers.forEach(request::header);
        try {
            HttpResponse<InputStream> response =
                    client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            try (InputStream stream = response.body()) {
                if (response.statusCode() != 200) {
                    throw new PullException(address + " answers " + response.statusCode());
                }
                return limited(stream, limit, address.toString());
            }
        } catch (IOException error) {
            String why = error.getMessage() == null ? "" : ", " + error.getMessage();
            throw new PullException(
                    "cannot reach " + address + ": " + error.getClass().getSimpleName() + why);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new PullException("interrupted");
        }
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
                    if (fields.containsKey(name)) {
                        throw new IllegalArgumentException("a name twice");
                    }
                    expect(':');
                    fields.put(name, value(depth + 1));
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
