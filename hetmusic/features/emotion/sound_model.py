"""The trained regressor from a sound's descriptors to valence and arousal, and its file.

The file is safetensors: arrays by name, and a JSON text under ``hetmusic`` in its metadata. Nothing in it is executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hetmusic._io import replacing_file, sha256
from hetmusic.errors import FeatureError
from hetmusic.features.emotion.descriptors import DESCRIPTORS
from hetmusic.features.emotion.regressors import FloatArray, Function, Scaler
from hetmusic.graph.emotions import AXES

#: version of the file's layout
FORMAT = 1


class Judgement(NamedTuple):
    """What a model says about sounds."""

    #: valence and arousal in [-1, 1], shape ``(songs, 2)``
    points: FloatArray
    #: in [0, 1] for each axis, shape ``(songs, 2)``
    confidence: FloatArray


@dataclass(frozen=True)
class SoundEmotionModel:
    """A function for each axis, in the order of :data:`~hetmusic.graph.emotions.AXES`."""

    scaler: Scaler
    functions: tuple[Function, ...]
    #: axis -> concordance with held-out songs' ratings (:attr:`~hetmusic.features.emotion.scores.Agreement.ccc`)
    concordance: Mapping[str, float]
    #: what it was trained on, what was chosen, and every figure, as JSON
    info: Mapping[str, Any] = field(default_factory=dict)

    def judge(self, descriptors: FloatArray) -> Judgement:
        """Valence and arousal of sounds.

        The confidence of an axis is its held-out concordance (0 if that is negative) times the share of the sound's
        descriptors that lie where those of training songs did.

        :param descriptors: shape ``(songs, len(DESCRIPTORS))``.
        """
        scaled = self.scaler(descriptors)
        points = np.stack([np.clip(function(scaled), -1.0, 1.0) for function in self.functions], axis=1)
        trust = np.array([min(max(self.concordance[axis], 0.0), 1.0) for axis in AXES])
        return Judgement(points, self.scaler.familiar(descriptors)[:, None] * trust)

    def save(self, path: str | Path) -> None:
        """Write the file, atomically."""
        from safetensors.numpy import save_file

        arrays: dict[str, NDArray[Any]] = {
            "mean": self.scaler.mean,
            "spread": self.scaler.spread,
            "reach": self.scaler.reach,
        }
        for axis, function in zip(AXES, self.functions, strict=True):
            arrays[f"{axis}.intercept"] = np.array([function.intercept])
            arrays[f"{axis}.gamma"] = np.array([function.gamma])
            arrays[f"{axis}.weights"] = function.weights
            if function.vectors is not None:
                arrays[f"{axis}.vectors"] = function.vectors
        described = {
            "format": FORMAT,
            "descriptors": list(DESCRIPTORS),
            "concordance": dict(self.concordance),
            "info": dict(self.info),
        }
        text = json.dumps(described, sort_keys=True, allow_nan=False)
        with replacing_file(Path(path)) as temporary:
            save_file(
                {name: np.ascontiguousarray(a) for name, a in arrays.items()}, temporary, {"hetmusic": text}
            )

    @classmethod
    def load(cls, path: str | Path) -> SoundEmotionModel:
        """Read a file of :meth:`save`.

        :raises FeatureError: in one line, if it is missing, damaged, something else, or of other descriptors.
        """
        path = Path(path)
        arrays, described = _read(path)
        if described.get("descriptors") != list(DESCRIPTORS):
            raise FeatureError(
                f"{path} was trained on other descriptors of sound than this hetmusic computes; train it again"
            )
        try:
            _check_arrays(arrays)
            functions = tuple(
                Function(
                    float(arrays[f"{axis}.intercept"][0]),
                    arrays[f"{axis}.weights"],
                    arrays.get(f"{axis}.vectors"),
                    float(arrays[f"{axis}.gamma"][0]),
                )
                for axis in AXES
            )
            concordance = {axis: float(described["concordance"][axis]) for axis in AXES}
            scaler = Scaler(arrays["mean"], arrays["spread"], arrays["reach"])
            info = {**described["info"], "sha256": sha256(path)}
        except (KeyError, IndexError, TypeError, ValueError) as problem:
            raise FeatureError(f"{path} is damaged: {_reason(problem)}") from None
        return cls(scaler, functions, concordance, info)


def _read(path: Path) -> tuple[dict[str, FloatArray], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FeatureError(f"{path} does not exist")
    try:
        with safe_open(path, "numpy") as stream:
            text = (stream.metadata() or {}).get("hetmusic")
            arrays = {name: np.asarray(stream.get_tensor(name), np.float64) for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as problem:
        raise FeatureError(f"{path} cannot be read as an emotion model: {problem}") from None
    try:
        described = json.loads(text or "")
    except json.JSONDecodeError:
        described = None
    if not isinstance(described, dict) or "format" not in described:
        raise FeatureError(f"{path} is no emotion model: train one with `hetmusic features train-emotion`")
    if described["format"] != FORMAT:
        raise FeatureError(f"{path} has format {described['format']!r}, this hetmusic reads {FORMAT}")
    return arrays, described


def _check_arrays(arrays: Mapping[str, FloatArray]) -> None:
    """Raise ValueError for an array that does not fit the others, or holds what none can."""
    width = len(DESCRIPTORS)
    for name in ("mean", "spread", "reach"):
        if arrays[name].shape != (width,):
            raise ValueError(f"{name} has shape {arrays[name].shape}")
    for axis in AXES:
        weights, vectors = arrays[f"{axis}.weights"], arrays.get(f"{axis}.vectors")
        shape = (width,) if vectors is None else (len(vectors),)
        if weights.shape != shape or (vectors is not None and vectors.shape != (len(vectors), width)):
            raise ValueError(f"{axis}.weights has shape {weights.shape}")
    for name, array in arrays.items():
        # what never varied in training has an infinite spread, so that it counts for nothing
        if not (np.isfinite(array) | ((name == "spread") & (array == np.inf))).all():
            raise ValueError(f"{name} holds NaN or infinity")
    for name in ("spread", "reach", *(f"{axis}.gamma" for axis in AXES)):
        if (arrays[name] < 0).any() or (name == "spread" and not arrays[name].all()):
            raise ValueError(f"{name} holds a value that is not above 0")


def _reason(problem: Exception) -> str:
    return f"{problem.args[0]} is missing" if isinstance(problem, KeyError) else str(problem)
