# %% [markdown]
"""# A walk through a music knowledge graph

Cells for Jupyter, VS Code or PyCharm (`# %%` begins one). As a script it prints all of it:

python examples/walk_graph.py              # a made-up world
python examples/walk_graph.py GRAPH        # a graph folder
"""

# %% A graph: yours, or that of a small made-up world
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from hetmusic import MusicGraph
from hetmusic.graph import EdgeType, TrainingView, validate_graph
from hetmusic.graph.splits import random_split
from hetmusic.synth import WorldSettings, make_world, write_dump

if len(sys.argv) == 2 and Path(sys.argv[1]).is_dir():
    graph = MusicGraph.open(sys.argv[1])
else:
    folder = Path(tempfile.mkdtemp(prefix="hetmusic-"))
    raw = write_dump(make_world(WorldSettings(users=120, songs=200, artists=30)), folder / "raw")
    graph = MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph")
print(graph)

# %% [markdown]
# ## What is connected with what
#
# Every relation has an inverse, which is not stored but made when it is asked for.


# %%
def arrow(edge_type: EdgeType) -> str:
    """``user likes song``."""
    return f"{edge_type.src} {edge_type.relation} {edge_type.dst}"


for edge_type in graph.edge_types:
    edges = graph.edges(edge_type)
    degrees = np.bincount(edges.src, minlength=graph.num_nodes(edge_type.src))
    print(f"{arrow(edge_type):28} {len(edges.src):6,} edges, at most {degrees.max()} of one {edge_type.src}")

# %% [markdown]
# ## The neighbourhood of one item
#
# The most played one: who sings it, what it is tagged with, who plays it most.

# %%
item = graph.item_type
likes = graph.interactions
most_played = int(np.bincount(likes.dst, minlength=graph.num_nodes(item)).argmax())
print(f"{item} {graph.names(item)[most_played]!r}:")
for edge_type, edges in graph.relations().items():
    if edge_type.src != item:
        continue
    found = edges.dst[edges.src == most_played]
    names = graph.names(edge_type.dst)
    shown = ", ".join(names[node] for node in found[:4])
    print(f"  {edge_type.relation:12} {len(found):3} {edge_type.dst}s: {shown}")

# %% [markdown]
# ## Two steps away
#
# What else do the listeners of this item play? The simplest recommender there is: count.

# %%
listeners = set(likes.src[likes.dst == most_played].tolist())
by_listeners = np.isin(likes.src, list(listeners))
together = Counter(likes.dst[by_listeners & (likes.dst != most_played)].tolist())
for other, count in together.most_common(3):
    print(f"  {graph.names(item)[other]}: {count} of {len(listeners)} listeners")

# %% [markdown]
# ## The same in DGL
#
# Any algorithm of DGL works on the heterograph.

# %%
hetero = graph.heterograph()
user, relation, _ = graph.interaction
_, listeners_again = hetero.in_edges(most_played, etype=(user, relation, item))
print(hetero.num_nodes(), "nodes,", hetero.num_edges(), "edges,", len(listeners_again), "listeners again")

# %% [markdown]
# ## What training may see
#
# Interactions that are held out are gone, in both directions; tags are counted again without what held-out users said.

# %%
view = TrainingView(graph, random_split(graph, seed=0))
for edge_type, edges in view.relations().items():
    before, now = len(graph.edges(edge_type).src), len(edges.src)
    if before != now:
        print(f"{arrow(edge_type):28} {before:6,} edges, in training {now:6,}")

# %% [markdown]
# ## Is anything wrong with it?

# %%
report = validate_graph(graph.path)
print("errors:", len(report.errors), "warnings:", len(report.warnings))
for finding in report.warnings[:3]:
    print(" ", finding)
