"""Ways from the keys of one space to those of another, through the key maps of all dumps."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.joining.dumps import Dump
from kg_schema.key_spaces import KeyMap, known_spaces

_PAIR = {"key": pl.String(), "other": pl.String()}
_EXAMPLES = 3


class KeyMaps:
    """The key maps of a build. A map leads in both directions, and one may lead on where another ends."""

    def __init__(self, dumps: Sequence[Dump]) -> None:
        """Note which maps there are; they are read when they are needed."""
        self._maps: list[tuple[Dump, KeyMap]] = [
            (dump, key_map) for dump in dumps for key_map in dump.spec.key_maps if key_map.file in dump.files
        ]

    def path(self, start: str, end: str) -> list[str] | None:
        """The shortest way from one space to another, both included; of equally short ones that of earlier dumps."""
        ways = [[start]]
        seen = {start}
        for way in ways:
            if way[-1] == end:
                return way
            for _, key_map in self._maps:
                if way[-1] in key_map.keys:
                    further = [space for space in key_map.keys if space not in seen]
                    seen.update(further)
                    ways += [[*way, space] for space in further]
        return None

    def table(self, path: Sequence[str]) -> pl.DataFrame:
        """All pairs at the two ends of a way, sorted and each once: ``key`` at its start, ``other`` at its end."""
        found = self._step(path[0], path[1])
        for here, there in itertools.pairwise(path[1:]):
            step = self._step(here, there).rename({"key": "other", "other": "next"})
            found = found.join(step, on="other").select("key", pl.col("next").alias("other")).unique()
        return found.sort("key", "other")

    def _step(self, start: str, end: str) -> pl.DataFrame:
        parts = [pl.DataFrame(schema=_PAIR)]
        for dump, key_map in self._maps:
            if start in key_map.keys and end in key_map.keys:
                pair = [pl.col(key_map.keys[start]).alias("key"), pl.col(key_map.keys[end]).alias("other")]
                parts += [
                    batch.select(pair).drop_nulls().unique() for batch in dump.files.batches(key_map.file)
                ]
        return pl.concat(parts).unique()


def odd_keys(dump: Dump, node_type: str, space: str, keys: pl.Series) -> pl.Series:
    """The keys that do not look like those of their space, and are therefore keys of the dump's own.

    :raises DataError: if none does, so that the file or the space must be another one.
    """
    pattern = known_spaces()[space].pattern if space in known_spaces() else None
    if pattern is None or keys.is_empty():
        return keys.clear()
    whole = re.compile(pattern)
    odd = [key for key in keys.to_list() if whole.fullmatch(key) is None]
    examples = ", ".join(map(repr, odd[:_EXAMPLES]))
    if len(odd) == len(keys):
        raise DataError(
            f"dump {dump.name}: its {node_type} keys are said to be {space} ({pattern}), but none of the "
            f"{len(keys):,} looks so: {examples}"
        )
    if odd:
        dump.notes.warn(
            f"{len(odd):,} of {len(keys):,} {node_type} keys do not look like {space}, so no other dump has them: {examples}"
        )
    return pl.Series("key", odd, pl.String)
