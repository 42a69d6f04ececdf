"""From a run or a result folder to the HTML file."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hetmusic._io import replacing_file
from hetmusic.errors import EnvironmentProblem
from hetmusic.report.writing import check_out

if TYPE_CHECKING:
    from hetmusic.report.source import Source

#: suffixes of reports
SUFFIXES = ("html", "htm")

#: told what is being made
OnStep = Callable[[str], None]


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
    check_out(path, overwrite, SUFFIXES)
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
