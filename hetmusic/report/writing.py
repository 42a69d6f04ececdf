"""One figure of a run or result as a file."""

from __future__ import annotations

from pathlib import Path

from hetmusic._io import replacing_file, write_json
from hetmusic.errors import ConfigError, UserError, did_you_mean
from hetmusic.report.figure import FORMATS, collect, get_figure, render
from hetmusic.report.settings import ReportSettings
from hetmusic.report.source import open_source
from hetmusic.report.theme import get_theme

#: suffixes of files: pictures, and the numbers that a picture shows
SUFFIXES = (*FORMATS, "json")


def write_figure(
    name: str,
    source: Path | str,
    out: Path | str,
    *,
    theme: str = "light",
    dpi: int = 150,
    settings: ReportSettings | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Draw a figure into a file whose suffix says the format; with ``.json`` the file gets its data.

    :param name: see :func:`hetmusic.report.figure_names`.
    :param source: a run folder, or the result folder of ``compare`` or ``ablate``.
    :return: the statements that belong to the caption.
    :raises UserError: for an unknown figure, theme or suffix, or a file that exists, all before anything is computed;
        for a source that cannot be read or has nothing for the figure.
    """
    spec, chosen, path = get_figure(name), get_theme(theme), Path(out)
    format = check_out(path, overwrite, SUFFIXES)
    data = collect(spec, open_source(source, settings))
    if format == "json":
        write_json(
            path, {"figure": spec.name, "title": spec.title, "caption": spec.caption, "data": data.to_dict()}
        )
    else:
        content = render(spec, data, chosen, format, dpi=dpi)
        with replacing_file(path) as temporary:
            temporary.write_bytes(content)
    return data.notes


def check_out(path: Path, overwrite: bool, suffixes: tuple[str, ...]) -> str:
    """The format that the suffix of a file to write stands for.

    :raises ConfigError: for another suffix than these.
    :raises UserError: if the file is there and must not be replaced.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in suffixes:
        known = ", ".join(f".{name}" for name in suffixes)
        hint = did_you_mean(suffix, suffixes) if suffix else ""
        raise ConfigError(
            f"{path} has {f'the suffix .{suffix}' if suffix else 'no suffix'}{hint}; known: {known}"
        )
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in it")
    above = next((parent for parent in path.parents if parent.exists()), path.parent)
    if not above.is_dir():
        raise UserError(f"cannot write {path}: {above} is no folder")
    if path.exists() and not overwrite:
        raise UserError(f"{path} already exists; choose another --out or pass --overwrite")
    return suffix
