"""All figures that a source has, as pictures for the page, with the tables behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hetmusic.report.errors import NotAvailable
from hetmusic.report.figure import FigureSpec, collect, figures_for, render
from hetmusic.report.page.blocks import Block, Details, Picture, Table
from hetmusic.report.page.embedding import data_address

if TYPE_CHECKING:
    from hetmusic.report.data import FigureData
    from hetmusic.report.source import Source


@dataclass(frozen=True)
class Shown:
    """A figure of the page."""

    spec: FigureSpec
    data: FigureData

    @property
    def picture(self) -> Picture:
        """The figure in both themes."""
        light, dark = (
            data_address(render(self.spec, self.data, theme, "svg"), "image/svg+xml")
            for theme in ("light", "dark")
        )
        caption = " ".join([self.spec.caption, *self.data.notes])
        alt = f"{self.spec.title}: {self.spec.caption}"
        return Picture(self.spec.name, self.spec.title, caption, alt, light, dark)

    @property
    def tables(self) -> list[Table]:
        """The same in numbers."""
        return [
            Table(found.title[:1].upper() + found.title[1:], found.header, found.rows, _words(found.rows))
            for found in self.data.tables()
        ]


def _words(rows: Sequence[Sequence[str]]) -> frozenset[int]:
    """Columns, beside the first, of which most cells hold words and not numbers."""
    columns = list(zip(*rows, strict=True))
    wordy = [sum(any(char.isalpha() for char in cell) for cell in column) for column in columns]
    return frozenset(at for at, count in enumerate(wordy) if at and 2 * count > len(rows))


class Figures:
    """The figures that a source has, each taken by the section that shows it, and why it lacks the others."""

    def __init__(self, source: Source, on_step: Callable[[str], None]) -> None:
        self._left: dict[str, Shown] = {}
        #: a line for each figure that there is nothing for
        self.missing: list[str] = []
        for spec in figures_for(source):
            on_step(f"figure {spec.name}")
            try:
                self._left[spec.name] = Shown(spec, collect(spec, source))
            except NotAvailable as reason:
                self.missing.append(f"{spec.title}: {reason}")

    def data(self, name: str) -> FigureData | None:
        """The numbers of a figure that no section has taken yet; None if there is none."""
        return self._left[name].data if name in self._left else None

    def take(self, *names: str, numbers: bool = True) -> list[Block]:
        """Those of the figures that there are, each with the numbers behind it.

        :param numbers: False where the section has them anyway.
        """
        taken = [self._left.pop(name) for name in names if name in self._left]
        blocks: list[Block] = []
        for shown in taken:
            blocks.append(shown.picture)
            if numbers and shown.tables:
                blocks.append(Details(f"{shown.spec.title} in numbers", shown.tables))
        return blocks

    def rest(self, numbers: bool = True) -> list[Block]:
        """All that no section has taken."""
        return self.take(*list(self._left), numbers=numbers)
