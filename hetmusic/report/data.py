"""What a figure shows, as plain values: the base of every figure's data, and tables of it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hetmusic.experiments.tables import Table

__all__ = ["FigureData", "Table", "plain"]


@dataclass(frozen=True, kw_only=True)
class FigureData:
    """The numbers and words of one figure; figures derive from it."""

    #: statements that belong to the caption: what was sampled, left out or clamped
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All fields as lists, numbers and texts, ready for JSON; what is not finite is None."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def tables(self) -> list[Table]:
        """The same as text in cells; figures that say it better in numbers override it."""
        return []


def plain(value: Any) -> Any:
    """Turn arrays, tuples and data classes into what JSON can hold.

    Floats of arrays are rounded to 6 significant digits, which no picture can show.
    """
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
