package org.tensorflow.lite;

import java.io.File;
import java.util.Map;

/** Signatures alone. */
public final class Interpreter implements AutoCloseable {
    public Interpreter(File modelFile) {}

    public native void runSignature(Map<String, Object> inputs, Map<String, Object> outputs, String signatureKey);

    public native String[] getSignatureKeys();

    public native String[] getSignatureOutputs(String signatureKey);

    public native Tensor getOutputTensorFromSignature(String outputName, String signatureKey);

    @Override
    public native void close();
}
