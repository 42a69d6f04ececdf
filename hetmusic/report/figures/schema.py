"""What a graph is made of: its node types and relations, with their numbers."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import clean, sheet
from hetmusic.report.figure import FigureSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch

    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme

Place = tuple[float, float]

#: with more types around the items their best order is not looked for
_MAX_ORDERED = 7
#: half the width of a letter and the height of a line, in units of the drawing
_LETTER, _LINE = 0.066, 0.3
#: the arc on which the types around the items lie, in degrees, and its radii
_ARC, _WIDE, _HIGH = 80.0, 4.3, 3.0


@dataclass(frozen=True)
class NodeType:
    """A box."""

    name: str
    count: int
    #: e.g. ``audio: 128, 8 %``: what it is, its dimension, how many nodes have it
    modalities: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Relation:
    """An arrow."""

    src: str
    name: str
    dst: str
    count: int
    symmetric: bool


@dataclass(frozen=True, kw_only=True)
class SchemaData(FigureData):
    """Types and relations."""

    graph: str
    user_type: str
    item_type: str
    nodes: list[NodeType]
    relations: list[Relation]

    def tables(self) -> list[Table]:
        """A line a type, and a line a relation."""
        nodes = [[node.name, f"{node.count:,}", "; ".join(node.modalities)] for node in self.nodes]
        relations = [[f"{r.src} {r.name} {r.dst}", f"{r.count:,}"] for r in self.relations]
        return [
            Table("node types", ["type", "nodes", "modalities"], nodes),
            Table("relations", ["relation", "edges"], relations),
        ]


def collect(source: RunSource) -> SchemaData:
    """Read the graph of a run.

    :raises NotAvailable: if it is gone.
    """
    graph = source.graph
    nodes = []
    for name in graph.node_types:
        modalities = {key: graph.modality(name, key) for key in graph.modalities(name)}
        said = [f"{key}: {value.dim}, {100 * value.coverage:.0f} %" for key, value in modalities.items()]
        nodes.append(NodeType(name, graph.num_nodes(name), said))
    relations = [
        Relation(*edge_type, graph.num_edges(edge_type), graph.meta.relations[edge_type.relation].symmetric)
        for edge_type in graph.edge_types
    ]
    return SchemaData(
        notes=(f"Graph {graph.name}; {graph.user_type}s are recommended {graph.item_type}s.",),
        graph=graph.name,
        user_type=graph.user_type,
        item_type=graph.item_type,
        nodes=nodes,
        relations=relations,
    )


def places_of(data: SchemaData) -> dict[str, Place]:
    """Where boxes go: items in the middle, users on the left, all else around on the right.

    What is joined lies side by side, as far as that can be.
    """
    fixed = {data.item_type: (0.0, 0.0), data.user_type: (-_WIDE, 0.0)}
    others = [node.name for node in data.nodes if node.name not in fixed]
    joined = [
        (r.src, r.dst) for r in data.relations if r.src != r.dst and data.item_type not in (r.src, r.dst)
    ]

    def around(order: tuple[str, ...]) -> dict[str, Place]:
        steps = (
            [0.0] if len(order) == 1 else [_ARC - 2 * _ARC * i / (len(order) - 1) for i in range(len(order))]
        )
        angles = dict(zip(order, map(math.radians, steps), strict=True))
        return fixed | {
            name: (_WIDE * math.cos(angle), _HIGH * math.sin(angle)) for name, angle in angles.items()
        }

    def length(order: tuple[str, ...]) -> float:
        found = around(order)
        return sum(math.dist(found[a], found[b]) for a, b in joined)

    orders = itertools.permutations(others) if len(others) <= _MAX_ORDERED else [tuple(others)]
    return around(min(orders, key=lambda order: round(length(order), 6)))


def draw(data: SchemaData, theme: Theme) -> Figure:
    """Boxes and arrows."""
    places = places_of(data)
    figure = sheet(9.0, 5.8)
    axes = figure.subplots()
    axes.set_axis_off()
    boxes = {node.name: _box(axes, node, places[node.name], data, theme) for node in data.nodes}
    pairs: dict[tuple[str, str], list[Relation]] = {}
    for relation in data.relations:
        first, second = sorted((relation.src, relation.dst))
        pairs.setdefault((first, second), []).append(relation)
    for relations in pairs.values():
        ends = relations[0].src, relations[0].dst
        if ends[0] == ends[1]:
            _loop(axes, relations, places[ends[0]], boxes[ends[0]], theme)
        else:
            _arrow(axes, relations, [places[end] for end in ends], [boxes[end] for end in ends], theme)
    tops = [box.get_y() + box.get_height() for box in boxes.values()]
    axes.set_xlim(
        min(box.get_x() for box in boxes.values()) - 0.4,
        max(b.get_x() + b.get_width() for b in boxes.values()) + 0.4,
    )
    axes.set_ylim(min(box.get_y() for box in boxes.values()) - 0.4, max(tops) + 1.0)
    axes.set_aspect("equal")
    return figure


def _box(axes: Axes, node: NodeType, place: Place, data: SchemaData, theme: Theme) -> FancyBboxPatch:
    from matplotlib.patches import FancyBboxPatch

    lines = [f"{node.count:,}", *(clean(text, 30) for text in node.modalities)]
    width = 2 * _LETTER * max(len(clean(node.name)) * 1.35, *(len(line) for line in lines)) + 0.3
    height = _LINE * len(lines) + 0.55
    main = node.name in (data.item_type, data.user_type)
    box = FancyBboxPatch(
        (place[0] - width / 2, place[1] - height / 2),
        width,
        height,
        boxstyle="round,pad=0.05,rounding_size=0.15",
        facecolor=theme.accent if main else theme.surface,
        edgecolor=theme.accent,
        linewidth=1.5,
        zorder=3,
    )
    axes.add_patch(box)
    color = theme.background if main else theme.text
    top = place[1] + height / 2 - 0.25
    axes.text(
        place[0],
        top,
        clean(node.name),
        ha="center",
        va="center",
        fontweight="bold",
        fontsize=11,
        color=color,
        zorder=4,
    )
    for number, line in enumerate(lines, start=1):
        axes.text(
            place[0],
            top - 0.03 - _LINE * number,
            line,
            ha="center",
            va="center",
            fontsize=8.5,
            color=color,
            zorder=4,
        )
    return box


def _arrow(
    axes: Axes, relations: list[Relation], ends: list[Place], boxes: list[FancyBboxPatch], theme: Theme
) -> None:
    from matplotlib.patches import FancyArrowPatch

    both = len({relation.src for relation in relations}) > 1 or any(
        relation.symmetric for relation in relations
    )
    # from the users past the items, above them
    bend = -0.28 if min(ends)[0] < -1 < 1 < max(ends)[0] else 0.0
    bend = bend if ends[0][0] < ends[1][0] else -bend
    width = 0.7 + 0.35 * math.log10(max(sum(relation.count for relation in relations), 1))
    axes.add_patch(
        FancyArrowPatch(
            *ends,
            patchA=boxes[0],
            patchB=boxes[1],
            shrinkA=4,
            shrinkB=4,
            arrowstyle="<|-|>" if both else "-|>",
            connectionstyle=f"arc3,rad={bend}",
            mutation_scale=13,
            linewidth=width,
            color=theme.muted,
            zorder=1,
        )
    )
    (x1, y1), (x2, y2) = ends if bend else _borders(ends, boxes)
    middle = ((x1 + x2) / 2 + bend * (y2 - y1) / 2, (y1 + y2) / 2 - bend * (x2 - x1) / 2)
    _label(axes, relations, middle, theme)


def _borders(ends: list[Place], boxes: list[FancyBboxPatch]) -> tuple[Place, Place]:
    """Where the straight line between the middles of two boxes leaves the first and enters the second."""
    (x1, y1), (x2, y2) = ends
    dx, dy = x2 - x1, y2 - y1
    first, second = (
        min(box.get_width() / 2 / max(abs(dx), 1e-9), box.get_height() / 2 / max(abs(dy), 1e-9))
        for box in boxes
    )
    return (x1 + first * dx, y1 + first * dy), (x2 - second * dx, y2 - second * dy)


def _loop(axes: Axes, relations: list[Relation], place: Place, box: FancyBboxPatch, theme: Theme) -> None:
    from matplotlib.patches import FancyArrowPatch

    top = box.get_y() + box.get_height()
    axes.add_patch(
        FancyArrowPatch(
            (place[0] - 0.35, top + 0.08),
            (place[0] + 0.35, top + 0.08),
            arrowstyle="<|-|>" if relations[0].symmetric else "-|>",
            connectionstyle="arc3,rad=-1.3",
            mutation_scale=11,
            linewidth=1.5,
            color=theme.muted,
            zorder=1,
        )
    )
    _label(axes, relations, (place[0], top + 0.72), theme)


def _label(axes: Axes, relations: list[Relation], place: Place, theme: Theme) -> None:
    axes.text(
        *place,
        "\n".join(f"{clean(relation.name, 24)} {relation.count:,}" for relation in relations),
        ha="center",
        va="center",
        fontsize=8.5,
        color=theme.text,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": theme.background, "edgecolor": "none", "alpha": 0.9},
        zorder=2,
    )


FIGURE = FigureSpec(
    name="schema",
    title="The graph",
    caption="Node types with their numbers and modalities (dimension, share of nodes that have one), and relations with "
    "their numbers of edges. Thicker arrows have more edges.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
