"""Neighbours as text: an aligned table for people, CSV and JSON lines for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from hetmusic._printable import one_line
from hetmusic.recommend.output import ranked_lines
from hetmusic.recommend.similar import Neighbour

_COLUMNS = ("rank", "key", "name", "similarity")


def render_table(of: str, found: Sequence[Neighbour]) -> str:
    """A heading, then rank, similarity, key and name of every neighbour.

    :param of: whose neighbours they are.
    """
    if not found:
        return f"{one_line(of)}: nothing to compare it with"
    rows = [(n.rank, n.similarity, n.key, n.name) for n in found]
    return "\n".join([f"like {one_line(of)}", *ranked_lines("similarity", rows)])


def render_csv(of: str, found: Sequence[Neighbour]) -> str:
    """A header and one line a neighbour (RFC 4180, but lines end as on Unix)."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, found))
    return stream.getvalue().removesuffix("\n")


def render_jsonl(of: str, found: Sequence[Neighbour]) -> str:
    """One JSON object a line."""
    return "\n".join(json.dumps(asdict(n), ensure_ascii=False, allow_nan=False) for n in found)


#: format -> what writes it
RENDERERS: dict[str, Callable[[str, Sequence[Neighbour]], str]] = {
    "table": render_table,
    "csv": render_csv,
    "jsonl": render_jsonl,
}
