"""SavedModels of YAMNet's published signature, with small made-up weights in place of its network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

CLASSES, EMBEDDING, BANDS = 521, 1_024, 64
WINDOW, HOP = 15_600, 7_680


def weights() -> tuple[np.ndarray, np.ndarray]:
    """From a window's band means to its embedding, and from that to scores."""
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=(BANDS, EMBEDDING)).astype(np.float32) / 8,
        rng.normal(size=(EMBEDDING, CLASSES)).astype(np.float32) / 32,
    )


def save_yamnet(folder: Path, tensorflow: Any) -> Path:
    """Save a model that pads, cuts and answers as YAMNet does.

    The first value of an embedding is the largest magnitude in its window, the others and the scores depend on the
    log-mel spectrogram.
    """
    tf = tensorflow
    names = folder.parent / "yamnet_class_map.csv"
    lines = [f'{number},/m/{number:04d},"Class, {number}"' for number in range(CLASSES)]
    names.write_text("\n".join(["index,mid,display_name", *lines]) + "\n", encoding="utf-8")
    into_embedding, into_scores = weights()

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.names = tf.saved_model.Asset(str(names))
            self.into_embedding = tf.Variable(into_embedding)
            self.into_scores = tf.Variable(into_scores)

        @tf.function(input_signature=[])
        def class_map_path(self) -> Any:
            return self.names.asset_path

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, waveform: Any) -> Any:
            beyond = tf.maximum(tf.shape(waveform)[0] - WINDOW, 0)
            padded = WINDOW + HOP * tf.cast(tf.math.ceil(beyond / HOP), tf.int32)
            waveform = tf.pad(waveform, [[0, padded - tf.shape(waveform)[0]]])
            magnitude = tf.abs(tf.signal.stft(waveform, 400, 160, 512))
            mel = tf.matmul(
                magnitude, tf.signal.linear_to_mel_weight_matrix(BANDS, 257, 16_000, 125.0, 7_500.0)
            )
            log_mel = tf.math.log(mel + 0.001)
            patches = tf.signal.frame(log_mel, 96, 48, axis=0)
            embedding = tf.nn.relu(tf.reduce_mean(patches, axis=1) @ self.into_embedding)
            loudest = tf.reduce_max(tf.abs(tf.signal.frame(waveform, WINDOW, HOP)), axis=1, keepdims=True)
            embedding = tf.concat([loudest, embedding[:, 1:]], axis=1)
            return tf.sigmoid(embedding @ self.into_scores), embedding, log_mel

    tf.saved_model.save(Module(), str(folder))
    return folder


def save_other(folder: Path, tensorflow: Any, how: str) -> Path:
    """Save a model that is no YAMNet: of ``two`` outputs, of other ``widths``, of waveforms in a ``batch``."""
    tf = tensorflow
    outputs, embedding = (2, EMBEDDING) if how == "two" else (3, 128 if how == "widths" else EMBEDDING)
    shape = [None, None] if how == "batch" else [None]

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
        def __call__(self, waveform: Any) -> Any:
            one = tf.reduce_sum(waveform) * 0.0
            return (
                tf.zeros([2, CLASSES]) + one,
                tf.zeros([2, embedding]) + one,
                tf.zeros([240, BANDS]) + one,
            )[:outputs]

    tf.saved_model.save(Module(), str(folder))
    return folder


def by_hand(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scores and embeddings of the model, in numpy, window by window."""
    into_embedding, into_scores = weights()
    filters = mel_weights()
    embeddings = []
    for start in range(0, max(len(waveform) - WINDOW, 0) + HOP, HOP):
        if start and start + WINDOW - HOP >= len(waveform):
            break
        window = np.zeros(WINDOW)
        part = waveform[start : start + WINDOW]
        window[: len(part)] = part
        frames = np.stack([window[160 * frame : 160 * frame + 400] for frame in range(96)])
        magnitude = np.abs(np.fft.rfft(frames * np.hanning(401)[:-1], 512))
        embedding = np.maximum(np.log(magnitude @ filters + 0.001).mean(axis=0) @ into_embedding, 0.0)
        embedding[0] = np.abs(window).max()
        embeddings.append(embedding)
    found = np.stack(embeddings)
    return 1 / (1 + np.exp(-found @ into_scores)), found


def mel_weights() -> np.ndarray:
    """Triangles in mel (1127 ln(1 + f / 700)) between 125 and 7,500 Hz that reach 1, shape ``(257, BANDS)``."""
    mel = 1127.0 * np.log1p(np.arange(257) * 8000.0 / 256 / 700.0)[:, None]
    edges = np.linspace(*(1127.0 * np.log1p(np.array([125.0, 7500.0]) / 700.0)), BANDS + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    slopes = np.minimum((mel - left) / (centre - left), (right - mel) / (right - centre))
    slopes[0] = 0.0  # the constant is heard in no band
    return np.maximum(slopes, 0.0)
