"""Everything that can be wrong with a graph folder, found in one pass instead of one error at a time."""

from hetmusic.graph.validation.report import CHECKS, Finding, ValidationReport
from hetmusic.graph.validation.run import validate_graph

__all__ = ["CHECKS", "Finding", "ValidationReport", "validate_graph"]
