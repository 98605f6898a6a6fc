package org.tensorflow.lite;

/** Signatures alone. */
public interface Tensor {
    int numElements();
}
