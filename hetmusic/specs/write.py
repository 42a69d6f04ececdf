"""A drafted specification as YAML, with comments that say what is doubtful."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from hetmusic._printable import one_line
from hetmusic.specs.draft import Draft, Entry
from hetmusic.specs.look import Table

_WIDTH = 118
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_./-]*$")
#: plain words that YAML takes for something else
_NOT_TEXTS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def as_yaml(made: Draft, name: str, rows: int) -> str:
    """The whole file."""
    return "\n".join(_lines(made, name, rows)) + "\n"


def _lines(made: Draft, name: str, rows: int) -> Iterator[str]:
    yield f"# Written by `hetmusic spec init`, which looked at the first {rows:,} rows of each table. What follows a `?`"
    yield "# is a guess: compare it with what you know, then run `hetmusic spec check`. docs/file_formats.md has every key."
    yield f"name: {scalar(name)}"
    yield "title: ''"
    yield "licence: ''"
    yield "citation: ''"
    yield f"item: {made.item}"
    yield f"interaction: {made.interaction or 'null'}"
    if made.spaces:
        yield f"keys: {flow(made.spaces)}"
    yield "\nfiles:"
    for meaning in made.files:
        yield from _file(meaning.table)
    yield "\nnodes:"
    for kind, entries in made.nodes.items():
        yield f"  {kind}:"
        for entry in entries:
            yield from _entry(entry, "    ")
    if made.edges:
        yield "\nedges:"
        for entry in made.edges:
            yield from _entry(entry, "  ")
    if made.assignments is not None:
        yield "\nassignments:"
        yield from _comments(made.assignments.doubts, "  ")
        for key, value in made.assignments.values.items():
            yield f"  {key}: {flow(value)}"
    if made.left:
        yield "\n# Not used:"
        yield from (f"#   {one_line(text)}" for text in made.left)


def _file(table: Table) -> Iterator[str]:
    yield f"  {scalar(table.id)}:"
    yield from _comments(table.doubts, "    ")
    count = f"{table.rows:,} rows" if table.complete else f"more than {table.rows:,} rows"
    yield f"    # {count}; for example:"
    for name, column in table.columns.items():
        shown = ", ".join(json.dumps(value[:40], ensure_ascii=False) for value in column.samples) or "nothing"
        kind = {"iso": "a time", "int": "whole numbers", "float": "numbers"}.get(column.kind, column.kind)
        yield f"    #   {one_line(name)} ({kind}): {one_line(shown)}"
    for key, value in table.options.items():
        yield f"    {key}: {flow(value)}"


def _entry(entry: Entry, indent: str) -> Iterator[str]:
    yield from _comments(entry.doubts, indent)
    line = f"{indent}- {flow(entry.values)}"
    if len(line) <= _WIDTH:
        yield line
        return
    first = "- "
    for key, value in entry.values.items():
        if isinstance(value, Mapping) and len(flow(value)) > _WIDTH - len(indent) - 20:
            yield f"{indent}{first}{key}:"
            yield from (f"{indent}    {scalar(name)}: {flow(inner)}" for name, inner in value.items())
        else:
            yield f"{indent}{first}{key}: {flow(value)}"
        first = "  "


def _comments(doubts: Sequence[str], indent: str) -> Iterator[str]:
    return (f"{indent}# ? {one_line(doubt)}" for doubt in doubts)


def flow(value: Any) -> str:
    """A value in one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A text, whole number, truth value or nothing; JSON's quoted texts are YAML's, but for what it writes as escapes."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.match(value) and value.lower() not in _NOT_TEXTS:
        return value
    if all(character.isprintable() for character in value):
        return json.dumps(value, ensure_ascii=False)
    return str(yaml.dump(value, default_style='"', width=1 << 20).rstrip("\n"))
