package com.google.ai.edge.litert;

/** Signatures alone. */
public final class TensorBuffer implements AutoCloseable {
    public native void writeFloat(float[] data) throws LiteRtException;

    public native float[] readFloat() throws LiteRtException;

    @Override
    public native void close();
}
