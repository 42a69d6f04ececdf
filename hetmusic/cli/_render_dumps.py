"""What the commands about public data sets print for people to read."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hetmusic.dumps import KnownDump
    from hetmusic.dumps.fetch import Fetched
    from kg_schema.dump import DumpSpec
    from kg_schema.dump_downloads import Download
    from kg_schema.dump_files import FileSpec

_WIDTH = 100
_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def listing(dumps: Sequence[KnownDump]) -> None:
    """All data sets, one paragraph each."""
    for dump in dumps:
        if dump.spec is None:
            click.echo(f"{dump.name}\n{_field('error', dump.error)}\n")
            continue
        click.echo(f"{click.style(dump.name, bold=True)}: {dump.spec.title}")
        _about(dump.spec)
        click.echo()
    click.echo("what becomes of the files: hetmusic dumps show NAME\nget them: hetmusic fetch NAME --to DIR")


def explanation(spec: DumpSpec, sections: Mapping[str, Sequence[str]]) -> None:
    """One data set, with what becomes of its files."""
    click.echo(f"{click.style(spec.name, bold=True)}: {spec.title}")
    goal = f"recommends {spec.item}s" if spec.interaction else f"{spec.item}s without listeners"
    click.echo(
        _field(
            "graph", goal + (f", predicts user {spec.interaction} {spec.item}" if spec.interaction else "")
        )
    )
    _about(spec)
    for heading, lines in sections.items():
        click.echo(f"\n{heading}:")
        for line in lines:
            inner = len(line) - len(line.lstrip())
            indent = " " * (2 + inner)
            click.echo(
                textwrap.fill(line.strip(), _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
            )


def fetched(found: Fetched) -> None:
    """What became of one file, and what a person has to do about it."""
    load, names = found.load, ", ".join(found.load.gives)
    if found.action in ("there", "fetched"):
        done = "already there" if found.action == "there" else f"fetched, {size(found.size)}"
        click.echo(f"{names}: {done}")
        if found.sha256 is not None and load.sha256 is None:
            click.echo(f"  sha256 of {load.file}: {found.sha256} (the publisher gives none to compare with)")
        return
    where = f"from {load.url or load.page}" if found.action == "missing" else f"by hand from {load.page}"
    state = (
        f"not fetched, and not needed ({found.reason})"
        if found.reason
        else f"missing; to be downloaded {where}"
    )
    click.echo(f"{names}: {state}{', and not needed' if load.optional and not found.reason else ''}")
    if found.action == "manual":
        click.echo(f"  call the file {load.file}" + (f"; {load.note}" if load.note else ""))


def size(number: int | None) -> str:
    """Bytes for people: ``1.9 MB``."""
    if number is None:
        return "size unknown"
    value, unit = float(number), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def _about(spec: DumpSpec) -> None:
    click.echo(_field("files", ", ".join(dict.fromkeys(map(_file, spec.files.values())))))
    for name in ("licence", "citation", "homepage"):
        if value := getattr(spec, name):
            click.echo(_field(name, value))
    for load in spec.downloads:
        click.echo(_field("download", _download(load)))


def _file(entry: FileSpec) -> str:
    more = [f"{entry.rows:,} rows"] if entry.rows is not None else []
    more += [size(entry.size)] if entry.size is not None else []
    return ("the folder itself" if entry.path[0] == "." else entry.path[0]) + _bracketed(more, entry.optional)


def _download(load: Download) -> str:
    where = load.url or f"{load.file} by hand from {load.page}"
    more = [size(load.size)] if load.size is not None else []
    return where + _bracketed(more, load.optional) + (f"; {load.note}" if load.note else "")


def _bracketed(parts: Sequence[str], optional: bool) -> str:
    parts = [*parts, "optional"] if optional else parts
    return f" ({', '.join(parts)})" if parts else ""


def _field(name: str, value: str) -> str:
    return textwrap.fill(
        value,
        _WIDTH,
        initial_indent=f"  {name + ':':<10} ",
        subsequent_indent=" " * 13,
        break_long_words=False,
        break_on_hyphens=False,
    )
