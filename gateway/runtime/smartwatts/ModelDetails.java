package smartwatts;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a model file says of itself: the JSON that {@code smartwatts models inspect} shows, read from the file's
 * own metadata.
 *
 * <p>The library refuses a file of a contract that it does not know. A build does so before it ships one:
 *
 * <pre>java gateway/runtime/smartwatts/ModelDetails.java --knows 1,2 src/main/resources/models/nilm.tflite …</pre>
 *
 * prints the contract of each file. Exit codes: 0 all are known, 1 one is not, or is no model file, 2 wrong use.
 */
public final class ModelDetails {
    private static final int FIRST_CONTRACT = 1;

    private final Map<?, ?> details;

    private ModelDetails(Map<?, ?> details) {
        this.details = details;
    }

    /** Of a model file. Throws IOException where it has none, or is damaged. */
    public static ModelDetails of(byte[] file) throws IOException {
        try {
            Object details = new Json(new Metadata(file).find()).whole();
            if (details instanceof Map) {
                return new ModelDetails((Map<?, ?>) details);
            }
        } catch (IndexOutOfBoundsException error) {
            throw new IOException("damaged, or no model file", error);
        }
        throw new IOException("details that are no object");
    }

    /** Any JSON as maps, lists, texts, doubles, flags and null. */
    static Object json(String text) throws IOException {
        try {
            return new Json(text).whole();
        } catch (IndexOutOfBoundsException error) {
            throw new IOException("no JSON", error);
        }
    }

    /** {@code nilm}, {@code forecasting} or {@code anomaly}. */
    public String kind() throws IOException {
        return text("kind");
    }

    /** The model's name in the store. */
    public String model() throws IOException {
        return text("model");
    }

    /** Which agreement of what inputs and outputs mean the file was made for; the first if it does not say. */
    public int contract() throws IOException {
        return details.containsKey("contract") ? integer("contract") : FIRST_CONTRACT;
    }

    /** Parts that the file does not give, each with the reason. */
    public Map<String, String> leftOut() throws IOException {
        Map<String, String> reasons = new LinkedHashMap<>();
        if (details.containsKey("left_out")) {
            Map<?, ?> parts = as(Map.class, "left_out");
            parts.forEach((part, reason) -> reasons.put(String.valueOf(part), String.valueOf(reason)));
        }
        return reasons;
    }

    /** Throws IOException where this is not of a kind, or of a contract that is not known here. */
    void expect(String kind, int newestContract) throws IOException {
        if (!kind().equals(kind)) {
            throw new IOException("a model of " + kind() + " instead of " + kind);
        }
        if (contract() > newestContract) {
            throw new IOException("contract " + contract() + " of " + kind + "; known are those up to "
                    + newestContract + ": this app needs a newer library");
        }
    }

    /** Names of the inputs, with the number of values of each. */
    public Map<String, Integer> inputs() throws IOException {
        return sizes("inputs");
    }

    /** Names of the outputs, with the number of values of each. */
    public Map<String, Integer> outputs() throws IOException {
        return sizes("outputs");
    }

    private Map<String, Integer> sizes(String tensors) throws IOException {
        Map<String, Integer> sizes = new LinkedHashMap<>();
        for (Object tensor : as(List.class, tensors)) {
            Object shape = tensor instanceof Map ? ((Map<?, ?>) tensor).get("shape") : null;
            int size = 1;
            for (Object side : shape instanceof List ? (List<?>) shape : Collections.emptyList()) {
                size *= side instanceof Double ? ((Double) side).intValue() : 0;
            }
            if (shape == null || size < 1) {
                throw new IOException("it lacks what using it needs (shapes of " + tensors + ")");
            }
            sizes.put(String.valueOf(((Map<?, ?>) tensor).get("name")), size);
        }
        return sizes;
    }

    boolean has(String... path) {
        return at(path) != null;
    }

    String text(String... path) throws IOException {
        return as(String.class, path);
    }

    double number(String... path) throws IOException {
        return as(Double.class, path);
    }

    int integer(String... path) throws IOException {
        double number = number(path);
        if (number != (int) number) {
            throw new IOException("it lacks what using it needs (a whole number " + String.join(".", path) + ")");
        }
        return (int) number;
    }

    boolean flag(String... path) throws IOException {
        return as(Boolean.class, path);
    }

    List<String> names(String... path) throws IOException {
        List<String> names = new ArrayList<>();
        for (Object name : as(List.class, path)) {
            names.add(String.valueOf(name));
        }
        return names;
    }

    private Object at(String... path) {
        Object value = details;
        for (String name : path) {
            value = value instanceof Map ? ((Map<?, ?>) value).get(name) : null;
        }
        return value;
    }

    private <T> T as(Class<T> type, String... path) throws IOException {
        Object value = at(path);
        if (!type.isInstance(value)) {
            throw new IOException("it lacks what using it needs (" + String.join(".", path) + ")");
        }
        return type.cast(value);
    }

    /** Checks files. */
    public static void main(String[] args) {
        if (args.length < 3 || !args[0].equals("--knows") || !args[1].matches("[1-9][0-9]{0,3}(,[1-9][0-9]{0,3})*")) {
            System.err.println("usage: java ModelDetails.java --knows 1,2 FILE.tflite …");
            System.exit(2);
        }
        Set<Integer> known = new TreeSet<>();
        for (String number : args[1].split(",")) {
            known.add(Integer.valueOf(number));
        }
        boolean refused = false;
        for (int i = 2; i < args.length; i++) {
            refused |= !check(Paths.get(args[i]), known);
        }
        System.exit(refused ? 1 : 0);
    }

    private static boolean check(Path path, Set<Integer> known) {
        try {
            int contract = of(Files.readAllBytes(path)).contract();
            boolean knows = known.contains(contract);
            System.out.println(path + ": contract " + contract + (knows ? "" : ", which is not among " + known));
            return knows;
        } catch (IOException error) {
            System.out.println(path + ": " + error.getMessage());
            return false;
        }
    }

    /** The metadata of a LiteRT flatbuffer. */
    private static final class Metadata {
        private static final String NAME = "smartwatts.manifest";
        private static final int BUFFERS = 4; // places of the fields in LiteRT's schema
        private static final int METADATA = 6;

        private final byte[] content;
        private final ByteBuffer file;

        private Metadata(byte[] content) {
            this.content = content;
            file = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        }

        /** The buffer that the entry of our name in the metadata points to. */
        private String find() throws IOException {
            if (file.capacity() < 8 || file.getInt(4) != 0x334c4654) { // "TFL3"
                throw new IOException("no model file");
            }
            int model = indirect(0);
            int entries = field(model, METADATA);
            for (int i = 0; i < length(entries); i++) {
                int entry = element(entries, i);
                if (NAME.equals(text(field(entry, 0)))) {
                    int index = field(entry, 1);
                    int buffer = element(field(model, BUFFERS), index == 0 ? 0 : file.getInt(index));
                    return text(field(buffer, 0));
                }
            }
            throw new IOException("no details: not a file of smartwatts");
        }

        /** Where a field of a table is; 0 where the table does not have it. */
        private int field(int table, int number) {
            int places = table - file.getInt(table);
            int at = 4 + 2 * number;
            int offset = at < unsigned(places) ? unsigned(places + at) : 0;
            return offset == 0 ? 0 : table + offset;
        }

        private int unsigned(int at) {
            return Short.toUnsignedInt(file.getShort(at));
        }

        private int indirect(int at) {
            return at + file.getInt(at);
        }

        private int length(int vector) {
            return vector == 0 ? 0 : file.getInt(indirect(vector));
        }

        private int element(int vector, int index) {
            if (index < 0 || index >= length(vector)) {
                throw new IndexOutOfBoundsException("element " + index);
            }
            return indirect(indirect(vector) + 4 + 4 * index);
        }

        private String text(int vector) {
            int length = length(vector);
            int start = length == 0 ? 0 : indirect(vector) + 4;
            if (length < 0 || start < 0 || length > content.length - start) {
                throw new IndexOutOfBoundsException("a text of " + length);
            }
            return new String(content, start, length, StandardCharsets.UTF_8);
        }
    }

    /** JSON as maps, lists, texts, doubles, flags and null. */
    private static final class Json {
        private static final int DEEPEST = 64;

        private final String text;
        private int at;
        private int depth;

        private Json(String text) {
            this.text = text;
        }

        private Object whole() throws IOException {
            Object value = value();
            skipSpace();
            if (at < text.length()) {
                throw broken();
            }
            return value;
        }

        private Object value() throws IOException {
            skipSpace();
            switch (at < text.length() ? text.charAt(at) : ' ') {
                case '{':
                    return object();
                case '[':
                    return list();
                case '"':
                    return string();
                case 't':
                    return word("true", true);
                case 'f':
                    return word("false", false);
                case 'n':
                    return word("null", null);
                default:
                    return number();
            }
        }

        private Map<String, Object> object() throws IOException {
            Map<String, Object> object = new HashMap<>();
            open();
            while (!closed('}', object.isEmpty())) {
                skipSpace();
                String name = string();
                skipSpace();
                take(':');
                object.put(name, value());
            }
            return object;
        }

        private List<Object> list() throws IOException {
            List<Object> list = new ArrayList<>();
            open();
            while (!closed(']', list.isEmpty())) {
                list.add(value());
            }
            return list;
        }

        private void open() throws IOException {
            at++;
            if (++depth > DEEPEST) {
                throw broken();
            }
        }

        /** Whether it ends here; else takes the comma, if one is due. */
        private boolean closed(char end, boolean first) throws IOException {
            skipSpace();
            if (text.startsWith(String.valueOf(end), at)) {
                at++;
                depth--;
                return true;
            }
            if (!first) {
                take(',');
            }
            return false;
        }

        private String string() throws IOException {
            take('"');
            StringBuilder string = new StringBuilder();
            for (; at < text.length(); at++) {
                char c = text.charAt(at);
                if (c == '"') {
                    at++;
                    return string.toString();
                }
                string.append(c == '\\' ? escaped() : c);
            }
            throw broken();
        }

        private char escaped() throws IOException {
            at++;
            int place = "\"\\/bfnrtu".indexOf(at < text.length() ? text.charAt(at) : ' ');
            if (place < 0) {
                throw broken();
            }
            if (text.charAt(at) != 'u') {
                return "\"\\/\b\f\n\r\t".charAt(place);
            }
            String digits = text.substring(at + 1, Math.min(at + 5, text.length()));
            at += 4;
            if (!digits.matches("[0-9a-fA-F]{4}")) {
                throw broken();
            }
            return (char) Integer.parseInt(digits, 16);
        }

        private Object word(String word, Object value) throws IOException {
            if (!text.startsWith(word, at)) {
                throw broken();
            }
            at += word.length();
            return value;
        }

        private Double number() throws IOException {
            int end = at;
            while (end < text.length() && "+-.eE0123456789".indexOf(text.charAt(end)) >= 0) {
                end++;
            }
            String digits = text.substring(at, end);
            if (!digits.matches("-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?")) {
                throw broken();
            }
            at = end;
            return Double.valueOf(digits);
        }

        private void take(char wanted) throws IOException {
            if (!text.startsWith(String.valueOf(wanted), at)) {
                throw broken();
            }
            at++;
        }

        private void skipSpace() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        private IOException broken() {
            return new IOException("details that are no JSON, at character " + at);
        }
    }
}
