"""What the commands about features print."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hetmusic._printable import escaped
from hetmusic.cli._render import quoted
from hetmusic.cli._table import table

if TYPE_CHECKING:
    from hetmusic.features import Coverage, Extractor
    from hetmusic.features.extraction.report import ModalityReport
    from hetmusic.features.extraction.run import Outcome

_SHOWN = 20


def outcomes(graph: Path, made: Sequence[Outcome]) -> None:
    """What became of the modalities that were asked for."""
    header = ["modality", "extractor", "dimension", "nodes", "of", "computed", "seconds", ""]
    rows = [
        [o.modality, o.extractor, f"{o.dim:,}", f"{o.coverage.present:,}", f"{o.coverage.total:,}", f"{o.computed:,}",
         f"{o.seconds:.1f}", _STATES[o.state]]
        for o in made
    ]  # fmt: skip
    from hetmusic.features.describing import NONE_GIVEN

    click.echo(table(header, rows, [2, 3, 4, 5, 6]))
    if lines := [line for o in made for line in reasons(o.modality, o.coverage)]:
        click.echo("\n" + "\n".join(lines))
    if any(set(o.coverage.reasons) - {NONE_GIVEN} for o in made):
        click.echo(f"\nwhich ones: hetmusic features report {quoted(graph)}")


_STATES = {
    "added": "added",
    "replaced": "replaced",
    "unchanged": "as it was",
    "empty": "graph as it was: no node has it",
}


def reasons(modality: str, coverage: Coverage) -> list[str]:
    """How many nodes lack a modality for which reason, a line each; of many reasons the most frequent."""
    counts = list(coverage.reasons.items())
    lines = [f"{modality}: {count:,} absent: {_short(reason, 200)}" for reason, count in counts[:_SHOWN]]
    if rest := counts[_SHOWN:]:
        lines.append(f"{modality}: {sum(n for _, n in rest):,} absent for {len(rest):,} other reasons")
    return lines


def _short(text: str, longest: int = 70) -> str:
    """Text out of data, on one line: without its middle if it is long, and nothing that a terminal would obey."""
    half = longest // 2 - 1
    shown = text if len(text) <= longest else f"{text[:half]}...{text[-half:]}"
    return escaped(shown)


def report(found: Sequence[ModalityReport]) -> None:
    """Every modality with its coverage, the counts by reason, and the first failures."""
    rows = [
        [
            r.modality,
            r.node_type,
            r.made_by,
            f"{r.coverage.present:,}",
            f"{r.coverage.total:,}",
            f"{r.coverage.share:.1%}",
        ]
        for r in found
    ]
    click.echo(table(["modality", "of", "made by", "present", "nodes", "coverage"], rows, [3, 4, 5]))
    for r in found:
        if r.coverage.reasons:
            click.echo("\n" + "\n".join(reasons(r.modality, r.coverage)))
        if len(r.failures):
            columns = ["key", "name", "path", "reason"]
            shown = [
                [_short(str(value or "")) for value in row]
                for row in r.failures.head(_SHOWN).select(columns).iter_rows()
            ]
            click.echo("\n" + table(columns, shown, []))
            if len(r.failures) > _SHOWN:
                click.echo(f"... and {len(r.failures) - _SHOWN:,} more; all of them: --csv")


def extractor_list(known: Sequence[type[Extractor]]) -> None:
    """The extractors, a line each."""
    rows = [
        [cls.name, cls.kind, _first_line(cls), ", ".join(inspect.signature(cls).parameters)] for cls in known
    ]
    click.echo(table(["extractor", "of", "", "arguments"], rows, []))
    click.echo("\narguments in words: hetmusic features show NAME")


def extractor(cls: type[Extractor]) -> None:
    """One extractor in full."""
    from hetmusic._arguments import document
    from hetmusic.features.extractor import kind_of

    click.echo(f"{cls.name}, of {kind_of(cls)} ({cls.__module__}:{cls.__qualname__})\n")
    click.echo(_words(cls))
    arguments = document(cls)
    if arguments:
        rows = [[a.name, a.type, a.default or "(needed)", _plain(a.text)] for a in arguments]
        click.echo("\n" + table(["argument", "type", "default", ""], rows, []))
    if cls.learns:
        click.echo("\nlearns from all items: where one changes, all vectors are computed again")


def _words(cls: type[Extractor]) -> str:
    """The docstring without its fields."""
    text = inspect.getdoc(cls) or "no description"
    return _plain(re.split(r"^:\w+", text, maxsplit=1, flags=re.MULTILINE)[0].strip())


def _first_line(cls: type[Extractor]) -> str:
    return _plain((inspect.getdoc(cls) or "").split("\n", 1)[0])


def _plain(text: str) -> str:
    """Code as people write it, not as docstrings do."""
    return text.replace("``", "`")
