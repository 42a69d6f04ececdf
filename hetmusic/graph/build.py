"""From raw dumps to a graph folder; ``docs/build_graphs.md`` describes the steps for users."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hetmusic.errors import DataError
from hetmusic.graph.build_options import BuildOptions
from hetmusic.graph.build_report import BuildReport, Notes
from hetmusic.graph.checks import check_target
from hetmusic.graph.filtering import Filtered, filter_settings, filtered
from hetmusic.graph.joining import Content, Raw, about, load_specs, open_dumps, target, without_listeners
from hetmusic.graph.limits import check_drops
from hetmusic.graph.raw.kept import Room
from hetmusic.graph.writer import GraphWriter
from kg_schema.dump import DumpSpec
from kg_schema.ontology import Ontology

__all__ = ["BuildReport", "build_graph"]


def build_graph(
    dumps: DumpSpec | str | Path | Sequence[DumpSpec | str | Path],
    raw: Raw | Mapping[str, Raw],
    out: str | Path,
    overwrite: bool = False,
    **options: Any,
) -> BuildReport:
    """Build a graph folder from raw dumps; the same input gives the same bytes.

    :param dumps: a specification, the name of a built-in one, or the path of a YAML file; or several, which are joined.
    :param raw: the folder of the raw files, or the path of each by its id in the specification; of several dumps a mapping
        from the name of each to these.
    :param out: the graph folder; it appears only when it is complete.
    :param overwrite: replace a graph that is already there.
    :param options: those of :class:`~hetmusic.graph.build_options.BuildOptions`.
    :return: what was read, dropped and repaired; the graph stores the same.
    :raises SchemaError: for a mistake in a specification, naming file, line and key.
    :raises ConfigError: for options that cannot be, and for dumps that cannot be joined.
    :raises DataError: for raw files that are not as specified, naming file, line, field and counts.
    :raises UserError: if ``out`` exists already or cannot be written.
    """
    ontology = Ontology.load()
    specs = load_specs(dumps, ontology)
    chosen = BuildOptions.of(options).with_those_of(specs)
    settings = filter_settings(specs, chosen.filters)
    chosen = chosen.model_copy(update={"filters": settings.filters})
    wanted = target(specs, chosen, ontology)
    out = Path(out)
    if out.exists() and not overwrite:  # found out now instead of after the work
        raise DataError(f"{out} already exists; choose another --out or pass --overwrite")
    check_target(out, overwrite)
    notes = Notes(wanted.name)
    notes.report.options = chosen.given()
    with contextlib.ExitStack() as stack:
        opened = open_dumps(specs, raw, notes, Room(_scratch(out)))
        for dump in opened:
            stack.enter_context(dump.files)
        content = Content(opened, chosen, wanted, ontology, notes)
        check_drops(notes.report, opened, chosen)  # before the longest part of the work
        wanted = without_listeners(wanted, content.edge_types(), notes)
        with GraphWriter(out, overwrite) as writer:
            _write(writer, filtered(content, wanted, settings, notes) if settings.filters.given else content)
            for warning in check_drops(notes.report, opened, chosen):
                notes.warn(warning)
            writer.finish(
                name=wanted.name,
                item=wanted.item,
                interaction=wanted.interaction,
                ontology=ontology,
                about=about(specs),
                provenance=[
                    *(file for dump in opened for file in dump.files.provenance()),
                    *settings.list_files(),
                ],
                build_report=notes.finished().model_dump(mode="json"),
            )
    return notes.finished()


def _write(writer: GraphWriter, content: Content | Filtered) -> None:
    if content.assignments is not None:
        writer.assignments(content.assignments)
    for node_type, table in content.tables.items():
        writer.nodes(node_type, table)
    for edge_type in content.edge_types():
        writer.edges(edge_type, content.edges(edge_type))
    for (node_type, name), vectors in content.vectors.items():
        writer.modality(node_type, name, vectors.values, vectors.indices, vectors.info)


def _scratch(out: Path) -> Path:
    """Where rows go that the memory is too small for: the folder that the graph will lie in, or the first that exists."""
    return next(folder for folder in out.absolute().parents if folder.is_dir())
