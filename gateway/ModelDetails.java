import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a model file says of itself: the JSON that `smartwatts models inspect` shows, read from the file's own
 * metadata, and the contract in it.
 *
 * <p>Copy it into the app to refuse, when it loads a file, one of a contract that it does not know, or let the
 * build do so:
 *
 * <pre>java gateway/ModelDetails.java --knows 1,2 src/main/resources/models/nilm.tflite …</pre>
 *
 * prints the contract of each file. Exit codes: 0 all are known, 1 one is not, or is no model file, 2 wrong use.
 * Needs a JDK 17 and nothing else.
 */
public final class ModelDetails {
    private static final String NAME = "smartwatts.manifest";
    private static final int BUFFERS = 4; // places of the fields in LiteRT's schema
    private static final int METADATA = 6;
    private static final int FIRST_CONTRACT = 1;

    private final ByteBuffer file;

    private ModelDetails(byte[] content) {
        file = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The JSON in a model file. Throws IOException where there is none. */
    public static String read(byte[] content) throws IOException {
        try {
            return new ModelDetails(content).find();
        } catch (IndexOutOfBoundsException error) {
            throw new IOException("damaged, or no model file", error);
        }
    }

    /** Which agreement of what inputs and outputs mean a file was made for; the first if it does not say. */
    public static int contract(String json) throws IOException {
        int depth = 0;
        try {
            for (int at = 0; at < json.length(); at++) {
                char c = json.charAt(at);
                if (c == '"') {
                    int end = endOfText(json, at);
                    int after = afterSpace(json, end + 1);
                    if (depth == 1 && json.startsWith("\"contract\"", at) && json.charAt(after) == ':') {
                        return number(json, afterSpace(json, after + 1));
                    }
                    at = end;
                } else if (c == '{' || c == '[') {
                    depth++;
                } else if (c == '}' || c == ']') {
                    depth--;
                }
            }
        } catch (IndexOutOfBoundsException | NumberFormatException error) {
            throw new IOException("details that are no JSON, or name no contract", error);
        }
        return FIRST_CONTRACT;
    }

    private static int endOfText(String json, int quote) {
        int at = quote + 1;
        while (json.charAt(at) != '"') {
            at += json.charAt(at) == '\\' ? 2 : 1;
        }
        return at;
    }

    private static int afterSpace(String json, int from) {
        int at = from;
        while (Character.isWhitespace(json.charAt(at))) {
            at++;
        }
        return at;
    }

    private static int number(String json, int from) {
        int end = from;
        while (",}".indexOf(json.charAt(end)) < 0) {
            end++;
        }
        return Integer.parseInt(json.substring(from, end).strip());
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
            throw new IndexOutOfBoundsException(index);
        }
        return indirect(indirect(vector) + 4 + 4 * index);
    }

    private String text(int vector) {
        int length = length(vector);
        if (length < 0 || length > file.capacity()) {
            throw new IndexOutOfBoundsException(length);
        }
        byte[] bytes = new byte[length];
        if (length > 0) {
            file.get(indirect(vector) + 4, bytes);
        }
        return new String(bytes, StandardCharsets.UTF_8);
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
            refused |= !check(Path.of(args[i]), known);
        }
        System.exit(refused ? 1 : 0);
    }

    private static boolean check(Path path, Set<Integer> known) {
        try {
            int contract = contract(read(Files.readAllBytes(path)));
            boolean knows = known.contains(contract);
            System.out.println(path + ": contract " + contract + (knows ? "" : ", which is not among " + known));
            return knows;
        } catch (IOException error) {
            System.out.println(path + ": " + error.getMessage());
            return false;
        }
    }
}
