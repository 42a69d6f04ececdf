"""The report of a run."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hetmusic import run_layout as layout
from hetmusic._version import __version__
from hetmusic.report.errors import NotAvailable
from hetmusic.report.page.blocks import (
    Block,
    Commands,
    Details,
    Facts,
    Lookup,
    Notes,
    Page,
    Paragraph,
    Picture,
    Scatter,
    Section,
    Table,
)
from hetmusic.report.page.catalogue import Catalogue
from hetmusic.report.page.configuration import changed, configuration_table
from hetmusic.report.page.figures import Figures
from hetmusic.report.page.headline import headline
from hetmusic.report.page.lookup import coverage_text, users_data
from hetmusic.report.page.map_data import map_data
from hetmusic.report.page.reasons import best_reasons

if TYPE_CHECKING:
    from hetmusic.graph import MusicGraph
    from hetmusic.report.source import RunSource

#: sections that are made of figures and the numbers behind them
_DATA, _MODEL, _TRAINING = ("schema",), ("architecture",), ("training",)
_QUALITY = ("metrics", "activity", "popularity", "cold-warm", "coverage", "novelty", "calibration")
_LEARNED = ("clusters", "heatmap", "emotion")


def run_page(source: RunSource, on_step: Callable[[str], None]) -> Page:
    """Put the report of a run together. What a run lacks is said in a section of its own."""
    _ = source.run.config  # a damaged file is found before anything expensive
    figures = Figures(source, on_step)
    graph, missing = _graph_of(source)
    catalogue = Catalogue(source.run, graph)
    data: dict[str, Any] = {}
    sections = [
        Section("summary", "Summary", [*_headline(figures), *_summary(source, graph)]),
        Section("data", "The graph", _graph(graph, figures)),
        Section("model", "The model", figures.take(*_MODEL)),
        Section("training", "How it was trained", [*figures.take(*_TRAINING), *_configuration(source)]),
        Section("quality", "How good it is", figures.take(*_QUALITY)),
        Section("songs", f"What it has learned of {source.item_type}s", _learned(figures, catalogue, data)),
    ]
    on_step("recommendations and reasons")
    sections.append(Section("search", "Look somebody up", _search(source, catalogue, data, on_step)))
    sections.append(Section("more", "More", figures.rest()))
    missing = [*figures.missing, *missing]
    if missing:
        sections.append(Section("missing", "Not in this report", [Notes(missing)]))
    data["catalogue"] = catalogue.to_dict()
    shown = [_without_echo(section) for section in sections if section.blocks]
    name = source.path.resolve().name
    return Page(f"Run {name}", _subtitle(source, graph), shown, data)


def _without_echo(section: Section) -> Section:
    """A picture that is called like its section needs no heading of its own."""
    blocks = [
        replace(block, is_titled=True)
        if isinstance(block, Picture) and block.title == section.title
        else block
        for block in section.blocks
    ]
    return replace(section, blocks=blocks)


def _graph_of(source: RunSource) -> tuple[MusicGraph | None, list[str]]:
    """The graph of a run, or None and what is missing without it: it is gone or has changed."""
    try:
        return source.graph, []
    except NotAvailable as reason:
        return None, [f"Names of genres and artists, numbers of plays: {reason}"]


def _subtitle(source: RunSource, graph: MusicGraph | None) -> str:
    info = source.run.info
    on = "" if graph is None else f" on {graph.meta.about.get('title', graph.name)}"
    return f"{info.num_items:,} {info.item_type}s recommended to {info.num_users:,} users{on}"


def _summary(source: RunSource, graph: MusicGraph | None) -> list[Block]:
    finished = datetime.datetime.fromtimestamp(
        (source.path / layout.RUN_FILE).stat().st_mtime, tz=datetime.timezone.utc
    )
    info, config = source.run.info, source.run.config
    facts = [
        ("Finished", finished.strftime("%Y-%m-%d %H:%M UTC")),
        ("Graph", _named(info.graph.path, graph)),
        ("Split", _split(config)),
        ("Preset", str(config.get("preset", "none"))),
        ("Seed", str(config.get("seed", "not stored"))),
        ("Trained with", f"hetmusic {info.hetmusic}"),
        ("This report", _installed()),
    ]
    return [Facts(facts), Paragraph("The same run again:"), Commands(_again(source))]


def _installed() -> str:
    """Versions of what makes a report, and of what trains."""
    names = ("torch", "dgl", "numpy", "scikit-learn", "matplotlib")
    found = [
        f"{name} {version(name)}" for name in names if find_spec(name.replace("scikit-learn", "sklearn"))
    ]
    return ", ".join([f"hetmusic {__version__}", f"Python {platform.python_version()}", *found])


def _headline(figures: Figures) -> list[Block]:
    from hetmusic.report.figures.metrics import MetricsData

    found = figures.data("metrics")
    return headline(found) if isinstance(found, MetricsData) else []


def _named(path: str, graph: MusicGraph | None) -> str:
    folder = path.rstrip("/").rpartition("/")[2]
    return f"{folder} (gone)" if graph is None else f"{graph.name}, checksum {graph.checksum[:12]}"


def _split(config: dict[str, Any]) -> str:
    split = config.get("split", {})
    ratios = [f"{100 * float(ratio):g} %" for ratio in split.get("ratios", [])]
    kind = str(split.get("kind", "from a file"))
    if kind != "random" or len(ratios) != 3:
        return kind
    return "random: {} training, {} validation, {} test; seed {}".format(*ratios, split.get("seed", 0))


def _again(source: RunSource) -> list[str]:
    graph = source.run.info.graph.path.rstrip("/").rpartition("/")[2]
    name = source.path.resolve().name
    return [
        f"hetmusic fit graphs/{graph} --config {name}/{layout.CONFIG_FILE} --out runs/{name}-again",
        f"hetmusic evaluate runs/{name}-again",
    ]


def _graph(graph: MusicGraph | None, figures: Figures) -> list[Block]:
    if graph is None:
        return figures.take(*_DATA)
    summary = graph.summary()
    nodes = [
        [name, f"{node['count']:,}", f"{node['isolated']:,}", _modalities(node)]
        for name, node in summary["nodes"].items()
    ]
    relations = [
        [" ".join(name.split("__")), f"{found['edges']:,}", *_degrees(found)]
        for name, found in summary["relations"].items()
    ]
    order = ["title", "citation", "licence"]
    about = sorted(
        summary["about"].items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order)
    )
    tables: list[Block] = [
        Table("Nodes", ["type", "number", "without any edge", "modalities"], nodes, frozenset({3})),
        Table("Relations", ["relation", "edges", "median out", "median in"], relations),
    ]
    warnings = [Notes(summary["warnings"])] if summary["warnings"] else []
    facts = [Facts([(name.capitalize(), text) for name, text in about])] if about else []
    numbers = Details("Nodes and relations in numbers", [*tables, *warnings])
    return [*facts, *figures.take(*_DATA, numbers=False), numbers]


def _modalities(node: dict[str, Any]) -> str:
    return ", ".join(f"{name} {100 * found['coverage']:.0f} %" for name, found in node["modalities"].items())


def _degrees(found: dict[str, Any]) -> list[str]:
    return [f"{found['degrees'][end]['median']:g}" for end in ("src", "dst")]


def _configuration(source: RunSource) -> list[Block]:
    table = configuration_table(source.run.config)
    own = changed(source.run.config)
    preset = source.run.config.get("preset")
    said = (
        f"Differs from the preset {preset}: " + "; ".join(own) if own else f"As the preset {preset} has it."
    )
    blocks: list[Block] = [Paragraph(said)] if preset else []
    return [*blocks, Details(f"All {len(table.rows)} settings", [table])]


def _learned(figures: Figures, catalogue: Catalogue, data: dict[str, Any]) -> list[Block]:
    found = figures.data("clusters")
    blocks = figures.take(*_LEARNED)
    if found is None:
        return blocks
    from hetmusic.report.figures.clusters import ClustersData

    assert isinstance(found, ClustersData)
    assert isinstance(blocks[0], Picture)
    data["map"] = map_data(found, catalogue)
    return [Scatter("map", found.item_type, blocks[0]), *blocks[1:]]


def _search(
    source: RunSource, catalogue: Catalogue, data: dict[str, Any], on_step: Callable[[str], None]
) -> list[Block]:
    explain, said = best_reasons(source.run, on_step)
    settings = source.settings
    users = users_data(source.run, catalogue, explain, top=settings.k, seed=settings.seed)
    data["users"] = users.data
    marked = "What is marked “held out” is in the user's own test part: a hit."
    text = f"What a user plays, and what the model recommends to them. {said} {marked}"
    return [Paragraph(text), Lookup("users", coverage_text(users), users.example)]
