"""One cell of a comparison: one model with its settings, on one split, with one seed; and its files."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from hetmusic._io import read_json
from hetmusic.errors import RunError, UserError
from hetmusic.evaluation.result import PER_USER_FILE
from hetmusic.experiments.mmgnn import DECIDED_ELSEWHERE
from hetmusic.experiments.models import is_mmgnn, make_model

CELL_FILE = "cell.json"


class Cell(BaseModel):
    """What decides a cell's numbers; nothing else does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    #: the complete settings, defaults filled in
    settings: dict[str, Any]
    #: the settings as given, from which the model is made
    given: dict[str, Any]
    #: of the model, and of the control
    seed: int
    #: a control of :mod:`hetmusic.experiments.controls`, instead of the real graph
    control: str | None = None
    #: checksums of the graph, its features, and the split
    graph: str
    features: str
    split: str
    #: how it is judged
    metric: str
    mask: str
    ks: list[int]

    @property
    def key(self) -> str:
        """SHA-256 of all of it; how settings were given does not matter, only what they are."""
        text = json.dumps(self.model_dump(exclude={"given"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def folder_name(self) -> str:
        """Name of the cell's folder."""
        words = [self.model, *([self.control] if self.control else [])]
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(words)).strip("-")
        return f"{readable}-seed{self.seed}-{self.key[:12]}"


def complete_settings(model: str, given: dict[str, Any]) -> dict[str, Any]:
    """All settings of a model, but for those that the cell has itself.

    :raises ConfigError: for an unknown model or setting, or a wrong value.
    """
    left_out = set(DECIDED_ELSEWHERE) if is_mmgnn(model) else None
    complete: dict[str, Any] = make_model(model, given).settings.model_dump(mode="json", exclude=left_out)
    return complete


class Measured(BaseModel):
    """What came out of a cell; the content of ``cell.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell: Cell
    hetmusic: str
    #: the deciding metric on validation interactions
    valid: float
    #: metrics on test interactions, e.g. ``{"ndcg@10": 0.21}``
    test: dict[str, float]
    #: part, mask, number of users and candidates of the test
    protocol: dict[str, Any]
    #: wall-clock and processor seconds of the fit
    seconds: float
    cpu_seconds: float
    #: largest resident memory of the process during the fit, and what it had before it began (Python, libraries, graph), MB
    peak_mb: float | None
    base_mb: float | None
    #: largest memory allocated on a GPU, MB
    gpu_mb: float | None = None
    #: what the model told about the fit
    info: dict[str, Any] = {}


@dataclass(frozen=True)
class CellFailure:
    """Why there is no cell."""

    #: in one line
    reason: str
    #: the traceback of somebody's own code, if it was that which failed
    trace: str = ""

    @classmethod
    def of(cls, problem: UserError) -> CellFailure:
        """What an error says."""
        return cls(" ".join(str(problem).split()), getattr(problem, "trace", ""))


@dataclass(frozen=True)
class CellResult:
    """A finished cell."""

    measured: Measured
    folder: Path

    @classmethod
    def load(cls, folder: Path) -> CellResult | None:
        """Read a cell; None if it has not been run.

        :raises RunError: if the folder is damaged.
        """
        if not folder.is_dir():
            return None
        path = folder / CELL_FILE
        try:
            return cls(Measured.model_validate(read_json(path, RunError)), folder)
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise RunError(
                f"{path} is damaged: field {where!r}: {first['msg']}; remove {folder} to run it again"
            ) from None

    @cached_property
    def per_user(self) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
        """Users that were tested, ascending, and their values by metric.

        :raises RunError: if the table is missing or damaged.
        """
        import polars as pl

        path = self.folder / PER_USER_FILE
        try:
            table = pl.read_parquet(path, glob=False)
            users = table["user"].to_numpy().astype(np.int64)
            values = {name: table[name].to_numpy() for name in table.columns if "@" in name}
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as problem:
            reason = str(problem).splitlines()[0]
            raise RunError(f"{path} is damaged ({reason}); remove {self.folder} to run it again") from None
        return users, values
