"""What the configuration of a run has resolved to (figure 1 of the MM-GNN paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hetmusic.errors import UserError
from hetmusic.report.data import FigureData, Table
from hetmusic.report.drawing import clean, sheet
from hetmusic.report.errors import NotAvailable
from hetmusic.report.figure import FigureSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hetmusic.models import MMGNN
    from hetmusic.models.explain import Structure
    from hetmusic.report.source import RunSource
    from hetmusic.report.theme import Theme


#: room for the words of the head
_LEAST_COLUMNS = 4


@dataclass(frozen=True)
class Cell:
    """A relation in a layer of a tower."""

    tower: str
    #: from 1
    layer: int
    #: e.g. ``artist liked_by user``
    relation: str
    #: as the configuration names it, and its arguments, e.g. ``weight=sqrt``
    encoder: str
    arguments: str
    parameters: int
    #: why it is silent or never run, or that weights are shared
    note: str


@dataclass(frozen=True, kw_only=True)
class ArchitectureData(FigureData):
    """Towers by layers by relations."""

    towers: list[str]
    #: what items start from in each tower, e.g. ``384 features``
    inputs: list[str]
    #: of each tower
    parameters: list[int]
    num_layers: int
    cells: list[Cell]
    #: relation of the graph -> why no tower reads it
    unused: dict[str, str]
    #: what becomes of the towers, in lines
    head: list[str]
    #: of the whole model
    all_parameters: int

    def tables(self) -> list[Table]:
        """A line a cell, and what is not used."""
        rows = [
            [
                c.tower,
                str(c.layer),
                c.relation,
                f"{c.encoder}({c.arguments})" if c.arguments else c.encoder,
                f"{c.parameters:,}",
                c.note,
            ]
            for c in self.cells
        ]
        found = [Table("encoders", ["tower", "layer", "relation", "encoder", "parameters", ""], rows)]
        if self.unused:
            unused = [[relation, why] for relation, why in self.unused.items()]
            found.append(Table("relations not used", ["relation", "why"], unused))
        return found


def collect(source: RunSource) -> ArchitectureData:
    """Make the run's model, and read its structure off; needs torch.

    :raises NotAvailable: if the graph or a plug-in is gone, or the run has no weights.
    """
    from hetmusic.models.explain import explain
    from hetmusic.recommend.reencode import RunModel

    graph = source.graph
    try:
        model = RunModel(source.path, source.run.info, graph).model
    except UserError as problem:
        raise NotAvailable(f"the model cannot be made again: {problem}") from None
    found = explain(model)
    return ArchitectureData(
        notes=(f"{found.parameters:,} parameters.",),
        towers=list(model.towers),
        inputs=[_input(model, name) for name in model.towers],
        parameters=[sum(found.towers[name]) for name in model.towers],
        num_layers=max((place.layer for place in found.places), default=0),
        cells=_cells(found),
        unused={" ".join(edge_type): why for edge_type, why in found.unused.items()},
        head=_head(model),
        all_parameters=found.parameters,
    )


def _cells(found: Structure) -> list[Cell]:
    cells = []
    for place in found.places:
        name, _, arguments = place.encoder.partition("(")
        relation = " ".join(place.edge_type)
        cells.append(
            Cell(place.tower, place.layer, relation, name, arguments[:-1], place.parameters, place.note)
        )
    return cells


def _input(model: MMGNN, name: str) -> str:
    from hetmusic.models.inputs import FeatureInput
    from hetmusic.models.tower import Tower

    tower = model.towers[name]
    assert isinstance(tower, Tower)
    schema = model.schema
    kind = schema.item_type if name in model.item_towers else schema.user_type
    table = dict(tower.inputs.items()).get(kind)
    if table is None:
        return f"no input of {kind}s"
    return (
        f"{table.project.in_features} features" if isinstance(table, FeatureInput) else f"{kind} embeddings"
    )


def _head(model: MMGNN) -> list[str]:
    config = model.config
    name, items = str(config.head), model.schema.item_type
    lines = {
        "late": [
            "late head: every tower scores for itself, as cosine over a temperature",
            f"score = convex combination of the towers' scores, over those present for the {items}",
        ],
        "scaled": [
            "scaled head: every tower scores for itself",
            f"score = a factor of the {items} times the convex combination of the towers' scores",
        ],
        "paper": [
            "paper head: user = towers side by side, projected (eq. 4)",
            f"{items} = convex combination of its modalities (eq. 5); score = inner product",
        ],
    }.get(name, [f"head {name}"])
    return [
        *lines,
        *(["+ emotion tower: beta times the likeness of emotions"] if model.emotion is not None else []),
    ]


def draw(data: ArchitectureData, theme: Theme) -> Figure:
    """A column a tower, from its input on top through its layers down to the head; rows are relations."""
    rows = _rows(data)
    columns = max(len(data.towers), _LEAST_COLUMNS)
    # few towers stand in the middle
    places = [(columns - len(data.towers)) / 2 + number for number in range(len(data.towers))]
    height = 0.62 * len(rows) + 0.5 * data.num_layers + 2.2 + 0.3 * len(data.head)
    figure = sheet(2.9 + 1.45 * columns, 0.62 * height + 0.3)
    axes = figure.subplots()
    axes.set_axis_off()
    encoders = list(dict.fromkeys(cell.encoder for cell in data.cells))
    at = {(cell.tower, cell.layer, cell.relation): cell for cell in data.cells}
    y = 0.0
    for column, tower, start, size in zip(places, data.towers, data.inputs, data.parameters, strict=True):
        axes.text(
            column, y - 0.75, clean(tower, 18), ha="center", va="center", fontweight="bold", fontsize=10
        )
        _cell(axes, column, y, start, theme, theme.accent, filled=True)
        axes.text(
            column, y + 0.5, f"{size:,} parameters", ha="center", va="center", fontsize=7.5, color=theme.muted
        )
    y += 0.9
    axes.text(-0.62, 0, "input", ha="right", va="center", fontsize=9, color=theme.muted)
    layer = 0
    for number, relation in rows:
        if number != layer:
            layer = number
            y += 0.5
            axes.text(
                -0.62, y - 0.52, f"layer {layer}", ha="right", va="center", fontweight="bold", fontsize=9
            )
            axes.plot([-0.5, columns - 0.5], [y - 0.52] * 2, color=theme.grid, linewidth=1)
        axes.text(-0.62, y, _arrow(relation), ha="right", va="center", fontsize=8.5)
        for column, tower in zip(places, data.towers, strict=True):
            if (cell := at.get((tower, number, relation))) is not None:
                color = theme.category(encoders.index(cell.encoder))
                idle = cell.note.startswith(("silent", "not run"))
                text = clean(cell.encoder, 18) + (f"\n{clean(cell.arguments, 22)}" if cell.arguments else "")
                _cell(axes, column, y, text, theme, theme.grid if idle else color, idle=idle)
        y += 0.62
    y += 0.35
    _head_box(axes, data, places, columns, y, theme)
    axes.set_xlim(-2.35, columns - 0.4)
    axes.set_ylim(y + 0.62 + 0.26 * len(data.head), -1.05)
    return figure


def _rows(data: ArchitectureData) -> list[tuple[int, str]]:
    """Layers and relations, in the order of the towers that read most."""
    found = dict.fromkeys((cell.layer, cell.relation) for cell in data.cells)
    return sorted(found, key=lambda row: row[0])


def _arrow(relation: str) -> str:
    src, name, dst = relation.split(" ")
    return f"{src} → {name} → {dst}"


def _cell(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    theme: Theme,
    color: str,
    filled: bool = False,
    idle: bool = False,
) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            (x - 0.42, y - 0.22),
            0.84,
            0.44,
            boxstyle="round,pad=0.02,rounding_size=0.08",
            mutation_aspect=1,
            facecolor=color if filled else "none",
            edgecolor=color,
            linewidth=1.8,
            linestyle=":" if idle else "-",
        )
    )
    shown = theme.background if filled else theme.muted if idle else theme.text
    axes.text(x, y, text, ha="center", va="center", fontsize=7.5, linespacing=1.15, color=shown)


def _head_box(
    axes: Axes, data: ArchitectureData, places: list[float], columns: int, y: float, theme: Theme
) -> None:
    from matplotlib.patches import FancyBboxPatch

    for column in places:
        axes.annotate(
            "",
            (column, y - 0.12),
            (column, y - 0.5),
            arrowprops={"arrowstyle": "-|>", "color": theme.muted, "linewidth": 1.3},
        )
    height = 0.26 * len(data.head) + 0.2
    axes.add_patch(
        FancyBboxPatch(
            (-0.42, y - 0.02),
            columns - 0.16,
            height,
            boxstyle="round,pad=0.02,rounding_size=0.08",
            facecolor=theme.surface,
            edgecolor=theme.accent,
            linewidth=1.8,
        )
    )
    for number, line in enumerate(data.head):
        axes.text((columns - 1) / 2, y + 0.2 + 0.26 * number, line, ha="center", va="center", fontsize=8)
    axes.text(-0.62, y + height / 2, "head", ha="right", va="center", fontweight="bold", fontsize=9)


FIGURE = FigureSpec(
    name="architecture",
    title="The model",
    caption="A column is a tower, from what it starts from through its layers to the head that combines them. A row is a "
    "relation: messages from the first node type to the last. Cells name the relation encoder and its arguments; dotted "
    "ones change nothing, since their sources have no representation yet or nothing that is scored depends on them.",
    needs=frozenset({"run"}),
    collect=collect,
    draw=draw,
)
