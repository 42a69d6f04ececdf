"""Formats by name."""

from __future__ import annotations

import importlib
from pathlib import Path

from hetmusic.errors import UserError, did_you_mean
from hetmusic.graph.export.base import ExportReport
from hetmusic.graph.music_graph import MusicGraph

#: format -> module and function
_HOME = {
    "dgl": ("dgl_folder", "export_dgl"),
    "pyg": ("pyg_file", "export_pyg"),
    "networkx": ("networkx_file", "export_networkx"),
    "csv": ("csv_folder", "export_csv"),
}
FORMATS = tuple(_HOME)


def export_graph(graph: MusicGraph, to: str, out: str | Path, overwrite: bool = False) -> ExportReport:
    """Write a whole graph, held-out pairs of any split included, for another program.

    :param to: one of :data:`FORMATS`.
    :param out: a folder for ``dgl`` and ``csv``, a file for ``pyg`` and ``networkx``.
    :param overwrite: replace ``out``, if it is an export (a folder) or a file.
    :raises UserError: if the format is unknown, or ``out`` exists or cannot be written.
    :raises EnvironmentProblem: if the other program's package is not installed.
    """
    if to not in _HOME:
        raise UserError(f"unknown format {to!r}{did_you_mean(to, FORMATS)}; there are: {', '.join(FORMATS)}")
    out = Path(out)
    if out.exists() and not overwrite:  # found out now instead of after the work
        raise UserError(f"{out} already exists; choose another --out or pass --overwrite")
    module, function = _HOME[to]
    write = getattr(importlib.import_module(f"hetmusic.graph.export.{module}"), function)
    report = write(graph, out, overwrite)
    assert isinstance(report, ExportReport)
    return report
