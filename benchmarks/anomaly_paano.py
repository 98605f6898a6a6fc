"""PaAno (Park, Kang: Patch-based representation learning for time-series anomaly detection, ICLR
2026) as a peer, written after the paper: patches of 64 hours, each standardised by itself, a small
convolutional encoder, a triplet loss with neighbouring patches as positives and the farthest of
the batch as negatives, a pretext task in the first tenth of the steps (does one patch come right
before another), and the mean cosine distance to the three nearest of a bank of normal patches.

Two things are other than there, since a processor has to do: one encoder learns from the first
halves of all devices, and a bank is a sample of a device's patches instead of centres of clusters.
An hour has the mean over all patches that hold it, later ones too.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

__all__ = ["PaAno"]

PATCH = 64
FILTERS, KERNELS = (128, 256, 128, 64), (7, 5, 3, 3)
STEPS, BATCH, RATE = 150, 256, 1e-4
RADIUS, MARGIN, UNADJACENT, NEAREST = 2, 0.5, 5, 3
BANK = 0.1  # of a device's patches
AT_ONCE = 1024


class PaAno:
    """An encoder trained on patches of all ``series``, each W, shape (n,), filled."""

    def __init__(self, series: Sequence[np.ndarray], seed: int) -> None:
        keras.utils.set_random_seed(seed)
        self._seed = seed
        self._encoder = _encoder()
        self._train([_patches(values) for values in series])

    def score(self, values: np.ndarray, fit: np.ndarray) -> np.ndarray:
        """Distances of the hours of one device from the bank of its hours ``fit``."""
        embedded = self._embed(_patches(values))
        own = np.lib.stride_tricks.sliding_window_view(fit, PATCH).all(axis=1)
        places = np.flatnonzero(own)
        rng = np.random.default_rng(self._seed)
        bank = embedded[rng.choice(places, max(int(BANK * len(places)), NEAREST), replace=False)]
        near = [
            np.sort(1.0 - embedded[start : start + AT_ONCE] @ bank.T, axis=1)[:, :NEAREST].mean(1)
            for start in range(0, len(embedded), AT_ONCE)
        ]
        counts = np.convolve(np.ones(len(embedded)), np.ones(PATCH))
        return np.asarray(np.convolve(np.concatenate(near), np.ones(PATCH)) / counts)

    def _embed(self, patches: np.ndarray) -> np.ndarray:
        parts = [
            self._encoder(patches[start : start + AT_ONCE], training=False)
            for start in range(0, len(patches), AT_ONCE)
        ]
        embedded = np.concatenate([np.asarray(part) for part in parts])
        return np.asarray(embedded / (np.linalg.norm(embedded, axis=1, keepdims=True) + 1e-9))

    def _train(self, series: Sequence[np.ndarray]) -> None:
        rng = np.random.default_rng(self._seed)
        project = keras.Sequential([layers.Dense(256, activation="relu"), layers.Dense(256)])
        adjacent = layers.Dense(1)
        rate = keras.optimizers.schedules.CosineDecay(RATE, STEPS, alpha=0.1)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-4)
        turned = tf.constant([(i + k) % BATCH for i in range(BATCH) for k in range(1, 6)])

        @tf.function
        def step(anchor: tf.Tensor, near: tf.Tensor, before: tf.Tensor, weight: tf.Tensor) -> None:
            with tf.GradientTape() as tape:
                joined = self._encoder(ops.concatenate([anchor, near, before]), training=True)
                own, close, earlier = ops.split(joined, 3)
                a, b = (ops.normalize(project(part), axis=1) for part in (own, close))
                apart = 1.0 - ops.matmul(a, ops.transpose(b))
                alike = ops.diagonal(apart)
                farthest = ops.max(apart - 10.0 * ops.eye(BATCH), axis=1)
                loss = ops.mean(ops.relu(alike - farthest + MARGIN))
                follows = adjacent(ops.concatenate([own, earlier], axis=1))
                others = ops.concatenate(
                    [ops.repeat(own, UNADJACENT, axis=0), ops.take(own, turned, axis=0)], axis=1
                )
                pretext = ops.mean(ops.softplus(-follows)) + ops.mean(
                    ops.softplus(adjacent(others))
                )
                loss = loss + weight * pretext
            weights = self._encoder.trainable_variables + project.trainable_variables
            weights = weights + adjacent.trainable_variables
            optimizer.apply(tape.gradient(loss, weights), weights)

        for number in range(STEPS):
            parts = [_triples(series[i], rng) for i in rng.integers(0, len(series), BATCH)]
            anchor, near, before = (np.stack(part) for part in zip(*parts, strict=True))
            weight = max(1.0 - number / (STEPS / 10), 0.0)
            step(anchor, near, before, tf.constant(weight, tf.float32))


def _triples(patches: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A patch, one beside it, and the one right before it."""
    at = int(rng.integers(PATCH + RADIUS, len(patches) - RADIUS))
    beside = at + int(rng.choice([-2, -1, 1, 2]))
    return patches[at], patches[beside], patches[at - PATCH]


def _patches(values: np.ndarray) -> np.ndarray:
    """All of them, standardised one by one, float32, shape (n - 63, 64, 1)."""
    found = np.lib.stride_tricks.sliding_window_view(values, PATCH).astype(np.float32)
    middle, spread = found.mean(1, keepdims=True), found.std(1, keepdims=True)
    return np.asarray(((found - middle) / np.maximum(spread, 1e-5))[:, :, None])


def _encoder() -> keras.Model:
    patch = keras.Input((PATCH, 1))
    hidden = patch
    for filters, kernel in zip(FILTERS, KERNELS, strict=True):
        hidden = layers.Conv1D(filters, kernel, padding="same", use_bias=False)(hidden)
        hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    return keras.Model(patch, layers.GlobalAveragePooling1D()(hidden))
