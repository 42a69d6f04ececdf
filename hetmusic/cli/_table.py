"""Tables of plain text: aligned, never wrapped or cut, the same on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

import click


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int], indent: str = ""
) -> str:
    """Lay out rows under a header (bold on a terminal).

    :param numeric: the columns that are aligned to the right.
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]

    def layout(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return (indent + "  ".join(padded)).rstrip()

    rule = indent + "  ".join("-" * width for width in widths)
    return "\n".join([click.style(layout(header), bold=True), rule, *(layout(row) for row in rows)])
