"""All checks of a graph folder."""

from __future__ import annotations

from pathlib import Path

from hetmusic.graph.format import read_meta
from hetmusic.graph.validation.assignments import check_assignments
from hetmusic.graph.validation.declarations import check_declarations
from hetmusic.graph.validation.edges import check_all_edges
from hetmusic.graph.validation.features import check_features
from hetmusic.graph.validation.files import check_files
from hetmusic.graph.validation.nodes import Touched, check_nodes
from hetmusic.graph.validation.report import Collector, ValidationReport
from kg_schema.ontology import Ontology


def validate_graph(path: str | Path, ontology: Ontology | None = None) -> ValidationReport:
    """Look for everything that can be wrong with a graph folder; nothing is changed.

    Tables are read one at a time, so memory is that of the largest relation, and the time linear in the rows
    (rows out of order are sorted to find repeated pairs).

    :param ontology: what relations may connect; by default the music ontology.
    :raises GraphFormatError: if there is no ``graph.json`` or it does not agree with itself, so that there is
        nothing to check.
    """
    folder = Path(path)
    meta = read_meta(folder)
    ontology = ontology or Ontology.load()
    out = Collector()
    check_files(folder, meta, out)
    check_declarations(meta, ontology, out)
    keys = check_nodes(folder, meta, out)
    touched = Touched(meta)
    check_all_edges(folder, meta, ontology, keys, touched, out)
    check_assignments(folder, meta, keys, touched, out)
    isolated = touched.report(keys, out)
    check_features(folder, meta, keys, out)
    return ValidationReport(meta.name, str(folder), out.checked, isolated, out.findings)
