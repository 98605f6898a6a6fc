package com.google.ai.edge.litert;

/** Signatures alone. */
public final class LiteRtException extends Exception {
    private static final long serialVersionUID = 1;
}
