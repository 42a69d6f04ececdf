"""A graph for other programs: DGL, PyTorch Geometric, NetworkX, and plain tables."""

from hetmusic.graph.export.base import ExportReport
from hetmusic.graph.export.run import FORMATS, export_graph

__all__ = ["FORMATS", "ExportReport", "export_graph"]
