"""The splits that an experiment uses, and what identifies a graph and a split in its files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from hetmusic._toml import parse_override
from hetmusic.errors import ConfigError, SplitError, did_you_mean
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import Split
from hetmusic.ranking import USER_METRICS, parse_metric
from hetmusic.training.config import SplitConfig
from hetmusic.training.make_split import make_split

_KINDS = get_args(SplitConfig.model_fields["kind"].annotation)
_SETTINGS = [name for name in SplitConfig.model_fields if name not in ("kind", "file", "seed")]
#: commas between settings, not those of a list
_COMMA = re.compile(r",(?![^\[]*\])")
#: kinds of splits that are drawn, so that every seed gives another one
_DRAWN = {"random", "kfold", "cold-items"}


@dataclass(frozen=True)
class SplitChoice:
    """How an experiment divides the interactions, but for the seed."""

    config: SplitConfig

    @classmethod
    def parse(cls, text: str) -> SplitChoice:
        """Read ``"random"``, ``"cold-items,share=0.3"`` or the path of a published split.

        :raises SplitError: if it is neither a file nor one of the strategies, or for a setting that a split lacks.
        """
        kind, *settings = _COMMA.split(text)
        if kind not in _KINDS or kind == "file":
            if Path(text).is_file():
                return cls(SplitConfig(kind="file", file=text))
            raise SplitError(
                f"split {text!r} is neither a file nor a strategy{did_you_mean(kind, _KINDS)}; "
                f"strategies: {', '.join(name for name in _KINDS if name != 'file')}"
            )
        values: dict[str, Any] = {"kind": kind}
        for setting in settings:
            key, equals, _ = setting.partition("=")
            if not equals or not key.strip():
                raise SplitError(f"split {text!r}: {setting!r} is not of the form KEY=VALUE")
            if key.strip() == "seed":
                raise SplitError(f"split {text!r}: the seed has an option of its own")
            values |= parse_override(setting)
        try:
            return cls(SplitConfig.model_validate(values))
        except ValidationError as problem:
            first = problem.errors()[0]
            key = ".".join(map(str, first["loc"][:1]))
            if first["type"] == "extra_forbidden":
                hint = did_you_mean(key, _SETTINGS) or f"; known: {', '.join(_SETTINGS)}"
                raise SplitError(f"split {text!r}: no split has a setting {key!r}{hint}") from None
            message = first["msg"].removeprefix("Value error, ")
            raise SplitError(f"split {text!r}: {f'{key}: ' if key else ''}{message}") from None

    @property
    def is_drawn(self) -> bool:
        """Whether another seed gives another split."""
        return self.config.kind in _DRAWN

    def make(self, graph: MusicGraph, seed: int) -> Split:
        """Divide the graph's interactions.

        :param seed: of the draw; splits that are not drawn ignore it.
        :raises SplitError: if the graph cannot be divided so, or nothing is left to train or validate on.
        """
        config = self.config.model_copy(update={"seed": seed}) if self.is_drawn else self.config
        return make_split(graph, config)

    def __str__(self) -> str:
        if self.config.kind == "file":
            return f"file {Path(str(self.config.file)).name}"
        given = self.config.model_dump(exclude_defaults=True, exclude={"kind", "seed"})
        return ", ".join([self.config.kind, *(f"{key} {value}" for key, value in given.items())])


def identify_graph(graph: MusicGraph) -> dict[str, str]:
    """What tells a graph from another: name, checksum of nodes and edges, and of the features."""
    features = sorted(f"{path} {digest}" for path, digest in graph.meta.files.items() if "features/" in path)
    return {
        "name": graph.name,
        "checksum": graph.checksum,
        "features": hashlib.sha256("\n".join(features).encode()).hexdigest(),
    }


def identify_split(split: Split) -> str:
    """SHA-256 of which interaction is in which part, and of the catalogue."""
    digest = hashlib.sha256(split.part.tobytes())
    digest.update(split.catalogue.encode())
    return digest.hexdigest()


def user_metric(text: str) -> str:
    """Check a metric that choices and tests go by.

    :raises ConfigError: if it is unknown, or has no value for each user.
    """
    name, k = parse_metric(text)
    if name not in USER_METRICS:
        raise ConfigError(
            f"metric {text!r} has no value for a single user; use one of {', '.join(USER_METRICS)}"
        )
    return f"{name}@{k}"
