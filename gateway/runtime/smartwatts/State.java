package smartwatts;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32;

/** What survives a restart, as bytes: whose state it is, the state itself, and a checksum of both. */
final class State {
    private static final int CHECKSUM = Integer.BYTES;

    private State() {}

    /** Writes a state. */
    interface Writer {
        void write(DataOutputStream out) throws IOException;
    }

    /** Reads what its writer wrote. */
    interface Reader<T> {
        T read(DataInputStream in) throws IOException;
    }

    /** {@code of}: whose state it is, with all that has to be the same when it is read. */
    static byte[] write(String of, Writer writer) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        try {
            out.writeUTF(of);
            writer.write(out);
            out.writeInt(checksum(bytes.toByteArray(), bytes.size()));
        } catch (IOException error) { // of memory, which does not fail
            throw new UncheckedIOException(error);
        }
        return bytes.toByteArray();
    }

    /** Throws IOException where a state is damaged, or of something else. */
    static <T> T read(String of, byte[] state, Reader<T> reader) throws IOException {
        int end = state.length - CHECKSUM;
        if (end < 0 || ByteBuffer.wrap(state).getInt(end) != checksum(state, end)) {
            throw new IOException("the state is damaged: begin without one");
        }
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(state, 0, end));
        String found = in.readUTF();
        if (!found.equals(of)) {
            throw new IOException("the state is of " + found + ", not of " + of + ": begin without one");
        }
        return reader.read(in);
    }

    static void writeFloats(DataOutputStream out, float[] values) throws IOException {
        for (float value : values) {
            out.writeFloat(value);
        }
    }

    static void readFloats(DataInputStream in, float[] values) throws IOException {
        for (int i = 0; i < values.length; i++) {
            values[i] = in.readFloat();
        }
    }

    private static int checksum(byte[] bytes, int end) {
        CRC32 sum = new CRC32();
        sum.update(bytes, 0, end);
        return (int) sum.getValue();
    }
}
