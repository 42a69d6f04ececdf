"""Lexicons of emotion: files that give words a valence and an arousal."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hetmusic._io import sha256
from hetmusic.errors import FeatureError
from hetmusic.features.lyrics import words

_log = logging.getLogger(__name__)

#: Names of the columns, in lower case: NRC-VAD (Mohammad 2018, 2025), Warriner et al. (2013), ANEW (Bradley & Lang 1999).
_COLUMNS = {
    "word": ("word", "term", "words", "english word", "description"),
    "valence": ("valence", "v.mean.sum", "valence mean", "valmn", "v"),
    "arousal": ("arousal", "a.mean.sum", "arousal mean", "aromn", "a"),
}
#: The scales that lexicons use, in the order in which they are tried.
SCALES = ((0.0, 1.0), (-1.0, 1.0), (1.0, 9.0))


@dataclass(frozen=True)
class EmotionLexicon:
    """Words and phrases with their place on the circumplex."""

    #: words of an entry -> valence and arousal in [-1, 1]
    places: Mapping[tuple[str, ...], tuple[float, float]]
    #: where they come from: name and checksum of the file, its scale
    info: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def longest(self) -> int:
        """Number of words of the longest entry."""
        return max(map(len, self.places), default=0)

    def find(self, text: Sequence[str]) -> Iterator[tuple[int, tuple[float, float]]]:
        """The entries in a sequence of words, the longest first at every word and none over another.

        :return: number of words and place of every entry.
        """
        start = 0
        while start < len(text):
            for length in range(min(self.longest, len(text) - start), 0, -1):
                place = self.places.get(tuple(text[start : start + length]))
                if place is not None:
                    yield length, place
                    start += length
                    break
            else:
                start += 1


def read_lexicon(path: str | Path, scale: tuple[float, float] | None = None) -> EmotionLexicon:
    """Read a table with a word, its valence and its arousal in a row, and bring both to [-1, 1].

    Columns are separated by tabs or commas and found by their names: those of NRC-VAD, of Warriner et al. and of ANEW
    are known. A table without a header has word, valence and arousal in its first columns, as NRC-VAD does.

    :param scale: lowest and highest value of the file's scale; by default the first of 0 to 1, -1 to 1 and 1 to 9 that
        holds all values.
    :raises FeatureError: naming file, row and field of the first thing that is wrong.
    """
    path = Path(path)
    rows = _read(path)
    where, first = _columns(path, rows)
    entries: list[tuple[tuple[str, ...], float, float]] = []
    lines: list[int] = []
    for line, row in rows[first:]:
        word = _cell(path, line, row, where["word"], "word")
        numbers = [_number(path, line, row, where[name], name) for name in ("valence", "arousal")]
        entries.append((tuple(words(word)), numbers[0], numbers[1]))
        lines.append(line)
    if not entries:
        raise FeatureError(f"lexicon {path} has no words")
    low, high = _scale(path, lines, entries, scale)
    places: dict[tuple[str, ...], tuple[float, float]] = {}
    for entry, *values in entries:
        if entry:  # an entry of signs alone is never found in a text
            valence, arousal = (2 * (value - low) / (high - low) - 1 for value in values)
            places.setdefault(entry, (valence, arousal))
    if len(places) < len(entries):
        _log.info("lexicon %s: %d entries, %d of them different", path, len(entries), len(places))
    info = {"lexicon": path.name, "sha256": sha256(path), "scale": [low, high], "entries": len(places)}
    return EmotionLexicon(places, info)


def _read(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, each with its number in the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FeatureError(f"lexicon {path} is not UTF-8 text") from None
    except OSError as error:
        raise FeatureError(f"lexicon {path} cannot be read: {error.strerror}") from None
    lines = text.split("\n")
    if "\t" in lines[0]:  # nothing is quoted there: NRC-VAD has words with an apostrophe or a quote
        table: Iterator[list[str]] = iter([line.rstrip("\r").split("\t") for line in lines])
    else:
        table = csv.reader(lines)
    try:
        return [(number, row) for number, row in enumerate(table, 1) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise FeatureError(f"lexicon {path} is not a table: {error}") from None


def _columns(path: Path, rows: list[tuple[int, list[str]]]) -> tuple[dict[str, int], int]:
    """Where the columns are, and how many rows the header takes."""
    if not rows:
        raise FeatureError(f"lexicon {path} is empty")
    header = [cell.strip().casefold() for cell in rows[0][1]]
    where = {
        name: next((header.index(alias) for alias in aliases if alias in header), -1)
        for name, aliases in _COLUMNS.items()
    }
    missing = [name for name, column in where.items() if column < 0]
    if not missing:
        return where, 1
    if len(header) >= 3 and all(_is_number(cell) for cell in header[1:3]):
        return {"word": 0, "valence": 1, "arousal": 2}, 0
    raise FeatureError(
        f"lexicon {path} has no column for {', '.join(missing)}; its first row is {', '.join(rows[0][1])}"
    )


def _cell(path: Path, line: int, row: list[str], column: int, name: str) -> str:
    cell = row[column].strip() if column < len(row) else ""
    if not cell:
        raise FeatureError(f"lexicon {path}, row {line}: {name} is blank")
    return cell


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _number(path: Path, line: int, row: list[str], column: int, name: str) -> float:
    cell = _cell(path, line, row, column, name)
    if not _is_number(cell):
        raise FeatureError(f"lexicon {path}, row {line}: {name} {cell!r} is not a number")
    return float(cell)


def _scale(
    path: Path,
    lines: list[int],
    entries: list[tuple[tuple[str, ...], float, float]],
    scale: tuple[float, float] | None,
) -> tuple[float, float]:
    """The scale that holds all values.

    :raises FeatureError: naming the first value outside the scale that holds most rows.
    """
    values = np.array([entry[1:] for entry in entries])
    candidates = SCALES if scale is None else (scale,)
    if scale is not None and not scale[0] < scale[1]:
        raise FeatureError(
            f"a scale goes from a lower to a higher value, not from {scale[0]:g} to {scale[1]:g}"
        )
    outside = [(values < low) | (values > high) for low, high in candidates]
    best = min(range(len(candidates)), key=lambda which: outside[which].sum())
    if not outside[best].any():
        return candidates[best]
    row, column = np.argwhere(outside[best])[0]
    known = " or ".join(f"{low:g} to {high:g}" for low, high in candidates)
    raise FeatureError(
        f"lexicon {path}, row {lines[row]}: {('valence', 'arousal')[column]} {values[row, column]:g} is not on the scale "
        f"{known} ({int(outside[best].any(axis=1).sum()):,} of {len(values):,} rows are not)"
    )
