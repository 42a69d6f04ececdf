"""What a page is made of. Everything here is text and numbers; the template escapes all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

#: what a missing number is shown as
NOTHING = "–"


def metric_name(key: str) -> str:
    """A metric as people write it: ``ndcg@10`` -> ``NDCG@10``."""
    name, _, k = key.partition("@")
    shown = name.upper() if name in ("ndcg", "mrr", "map") else name.capitalize()
    return f"{shown}@{k}" if k else shown


@dataclass(frozen=True)
class Block:
    """A part of a section; :attr:`kind` names the macro of the template that shows it."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Paragraph(Block):
    """Running text."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Notes(Block):
    """Short remarks, each a line of a list."""

    kind: ClassVar[str] = "notes"
    lines: Sequence[str]


@dataclass(frozen=True)
class Commands(Block):
    """Lines for a terminal."""

    kind: ClassVar[str] = "commands"
    lines: Sequence[str]


@dataclass(frozen=True)
class Card:
    """A number that is to be seen first."""

    label: str
    value: str
    #: an interval, or what the number is of
    detail: str = ""


@dataclass(frozen=True)
class Cards(Block):
    """The most telling numbers, side by side."""

    kind: ClassVar[str] = "cards"
    cards: Sequence[Card]


@dataclass(frozen=True)
class Facts(Block):
    """Names and what they stand for."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table(Block):
    """Rows under a header; the first column names the row."""

    kind: ClassVar[str] = "table"
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    #: columns that hold text and not numbers, beside the first one
    text_columns: frozenset[int] = frozenset()
    #: rows that stand out, by index
    marked: frozenset[int] = frozenset()
    #: (row, column) of the best values of their columns, and of the second best
    best: frozenset[tuple[int, int]] = frozenset()
    second: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True)
class Picture(Block):
    """A figure, once for a light and once for a dark page."""

    kind: ClassVar[str] = "picture"
    name: str
    title: str
    caption: str
    #: what it shows, for those who do not see it
    alt: str
    #: ``data:`` addresses
    light: str
    dark: str
    #: whether the heading above says the same
    is_titled: bool = False


@dataclass(frozen=True)
class Details(Block):
    """Blocks behind a line that opens them; in print they are open."""

    kind: ClassVar[str] = "details"
    summary: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Scatter(Block):
    """The map of items: drawn by the script from the data of this name; without it the picture stays."""

    kind: ClassVar[str] = "scatter"
    data: str
    #: what a point is, e.g. ``artist``
    item: str
    fallback: Picture


@dataclass(frozen=True)
class Lookup(Block):
    """The search for a user, by the script from the data of this name."""

    kind: ClassVar[str] = "lookup"
    data: str
    #: whom it knows, e.g. ``all 1,892 users``
    coverage: str
    #: a key to begin with
    example: str


@dataclass(frozen=True)
class Section:
    """A heading, its place in the table of contents, and what stands below it."""

    #: of the anchor
    name: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    #: what it is of, in a line
    subtitle: str
    sections: Sequence[Section]
    #: name -> JSON-serialisable data for the script
    data: dict[str, Any] = field(default_factory=dict)
