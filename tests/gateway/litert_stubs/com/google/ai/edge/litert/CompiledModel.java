package com.google.ai.edge.litert;

import java.util.Map;

/** Signatures alone. */
public final class CompiledModel implements AutoCloseable {
    public static native CompiledModel create(String filePath) throws LiteRtException;

    public native TensorBuffer createInputBuffer(String inputName, String signature) throws LiteRtException;

    public native TensorBuffer createOutputBuffer(String outputName, String signature) throws LiteRtException;

    public native void run(Map<String, TensorBuffer> inputs, Map<String, TensorBuffer> outputs, String signature)
            throws LiteRtException;

    @Override
    public native void close();
}
