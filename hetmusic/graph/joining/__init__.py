"""Several dumps as one graph: their nodes are joined on keys, key maps and, when asked, names."""

from __future__ import annotations

from hetmusic.graph.joining.content import Content
from hetmusic.graph.joining.dumps import Raw, load_specs, open_dumps
from hetmusic.graph.joining.target import Target, about, target, without_listeners

__all__ = ["Content", "Raw", "Target", "about", "load_specs", "open_dumps", "target", "without_listeners"]
