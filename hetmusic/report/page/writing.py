"""From a run or a result folder to the HTML file."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hetmusic._io import replacing_file
from hetmusic.errors import EnvironmentProblem, UserError

if TYPE_CHECKING:
    from hetmusic.report.source import Source

#: told what is being made
OnStep = Callable[[str], None]


def check_out(out: Path, overwrite: bool) -> None:
    """Refuse a place where no report can be put, before anything is computed.

    :raises UserError: if there is something already and ``overwrite`` is false, or it is no HTML page.
    """
    if out.is_dir():
        raise UserError(
            f"{out} is a folder; --out names the file of the report, such as {out / 'report.html'}"
        )
    if not out.exists():
        return
    if not overwrite:
        raise UserError(f"{out} already exists; choose another --out or pass --overwrite")
    with open(out, "rb") as stream:
        if not stream.read(64).lstrip().lower().startswith(b"<!doctype html"):
            raise UserError(f"{out} is not replaced, since it is something else: it is no HTML page")


def check_packages() -> None:
    """:raises EnvironmentProblem: if what makes pictures and pages is not installed."""
    missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if missing:
        raise EnvironmentProblem(f"reports need {' and '.join(missing)}: pip install 'hetmusic[report]'")


def write_report(
    source: Source, out: Path | str, *, overwrite: bool = False, on_step: OnStep = lambda step: None
) -> Path:
    """Write the report of a run, a comparison or an ablation: one HTML file that loads nothing.

    :param on_step: told about each step, which may take a minute.
    :return: the file.
    :raises UserError: if ``out`` cannot be written, or exists and must not be replaced.
    :raises RunError: if files of the run are damaged.
    """
    path = Path(out)
    check_out(path, overwrite)
    check_packages()
    from hetmusic.report.page.comparison_page import comparison_page
    from hetmusic.report.page.document import render_page
    from hetmusic.report.page.run_page import run_page
    from hetmusic.report.source import RunSource

    page = run_page(source, on_step) if isinstance(source, RunSource) else comparison_page(source, on_step)
    html = render_page(page, datetime.datetime.now(datetime.timezone.utc))
    with replacing_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return path
