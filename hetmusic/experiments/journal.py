"""The trials of a study: a JSON object a line, appended when a trial has ended; a kill loses the running one alone."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hetmusic._io import explaining_failed_write
from hetmusic.errors import RunError

JOURNAL_FILE = "trials.jsonl"


class Trial(BaseModel):
    """One fit with settings of its own, and what came of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: from 0 on; 0 has the model's defaults
    number: int
    #: what was searched, in the sampler's words: a number, or the number of a choice
    params: dict[str, float]
    #: the same as settings of the model, by dotted key
    settings: dict[str, Any]
    state: Literal["complete", "pruned", "failed"]
    #: the metric on validation interactions; None unless complete
    value: float | None = None
    #: validations of an iterative fit, in their order
    steps: list[float] = []
    #: wall-clock seconds; 0 where the same settings had been tried before
    seconds: float = 0.0
    #: why it failed
    error: str | None = None
    #: the traceback of somebody's own code, if it was that which failed
    trace: str = ""
    #: what the model told about the fit
    info: dict[str, Any] = {}


class Journal:
    """The trials that have ended, on disk.

    :param path: the file; it need not exist.
    :raises RunError: naming file and line, if a line is damaged. A last line without end, which a killed process leaves,
        is no damage: it is dropped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trials: list[Trial] = []
        data = path.read_bytes() if path.exists() else b""
        self._length = data.rfind(b"\n") + 1
        for number, line in enumerate(data[: self._length].splitlines(), start=1):
            try:
                trial = Trial.model_validate(json.loads(line))
            except (ValueError, ValidationError) as problem:
                reason = str(problem).splitlines()[0]
                raise RunError(f"{path}, line {number}: not a trial of a study: {reason}") from None
            if trial.number != number - 1:
                raise RunError(
                    f"{path}, line {number}: trial {trial.number} is not the next one; lines are missing"
                )
            self.trials.append(trial)

    def append(self, trial: Trial) -> None:
        """Write a trial; it is on disk when this returns."""
        values = trial.model_dump(exclude=None if trial.trace else {"trace"})
        line = (json.dumps(values, allow_nan=False) + "\n").encode()
        with explaining_failed_write(self.path), open(self.path, "ab") as stream:
            stream.truncate(self._length)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        self._length += len(line)
        self.trials.append(trial)

    @property
    def seconds(self) -> float:
        """What all trials took together."""
        return sum(trial.seconds for trial in self.trials)


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The completed trial with the highest value, the earlier of equals; None if none was completed."""
    done = [trial for trial in trials if trial.value is not None]
    return max(done, key=lambda trial: (trial.value, -trial.number)) if done else None
