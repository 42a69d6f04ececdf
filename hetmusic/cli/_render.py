"""Tables that the commands print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from hetmusic.evaluation import Evaluation
    from hetmusic.graph import MusicGraph
    from hetmusic.recommend import Run


def console() -> Console:
    """Standard output without highlighting or markup: names in data may look like both."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def build_report(out: Console, graph: MusicGraph) -> None:
    """What was built, and every row that was dropped, repaired or merged."""
    counts = ", ".join(f"{graph.num_nodes(ntype):,} {ntype}" for ntype in graph.node_types)
    out.print(f"built {graph.path}: {counts}")
    for edge_type in graph.edge_types:
        out.print(f"  {edge_type.src} -{edge_type.relation}-> {edge_type.dst}: {graph.num_edges(edge_type):,}")
    findings(out, graph.meta.build_report)


def findings(out: Console, report: Mapping[str, Any]) -> None:
    """The build report's counts."""
    for finding in report.get("findings", []):
        lines = ", ".join(str(line) for line in finding["first_lines"][:3])
        out.print(
            f"  {finding['action']}: {finding['rows']:,} rows of {finding['file']}: {finding['reason']} (first: line {lines})"
        )
    for warning in report.get("warnings", []):
        out.print(f"  warning: {warning}")


def graph_summary(out: Console, summary: Mapping[str, Any]) -> None:
    """Everything ``hetmusic info`` shows."""
    out.print(f"{summary['name']}: recommends {summary['item']}, predicts {summary['interaction']}")
    nodes = Table("node type", title="nodes")
    for column in ("count", "named", "isolated"):
        nodes.add_column(column, justify="right")
    nodes.add_column("modalities (dimension, coverage)")
    for ntype, node in summary["nodes"].items():
        modalities = ", ".join(
            f"{name} ({info['dim']}, {info['coverage']:.1%})" for name, info in node["modalities"].items()
        )
        nodes.add_row(ntype, *(f"{node[key]:,}" for key in ("count", "named", "isolated")), modalities or "none")
    out.print(nodes)
    edges = Table("relation", "inverse", title="relations (median / mean / max degree)")
    for column in ("edges", "source degree", "destination degree"):
        edges.add_column(column, justify="right")
    for name, relation in summary["relations"].items():
        inverse = "symmetric" if relation["symmetric"] else relation["inverse"] or ""
        degrees = (_degree(relation["degrees"][end]) for end in ("src", "dst"))
        edges.add_row(name.replace("__", " "), inverse, f"{relation['edges']:,}", *degrees)
    out.print(edges)
    for warning in summary["warnings"]:
        out.print(f"warning: {warning}")
    findings(out, summary["build_report"])


def metrics_table(out: Console, found: Evaluation, leakage: Any = None) -> None:
    """Metrics by row, cutoffs by column."""
    names = list(dict.fromkeys(key.split("@")[0] for key in found.values))
    ks = sorted({int(key.split("@")[1]) for key in found.values})
    title = f"{found.part}: {len(found.users):,} users, {found.num_items:,} candidates, {found.mask} masked"
    table = Table("metric", title=title)
    for k in ks:
        table.add_column(f"@{k}", justify="right")
    for name in names:
        table.add_row(name, *(f"{found.values[f'{name}@{k}']:.4f}" for k in ks))
    out.print(table)
    if leakage is not None:
        out.print(f"leakage check: {'clean' if leakage is True else leakage}")


def fit_summary(out: Console, run: Run) -> None:
    """What a run reached on validation, and what to do next."""
    table = Table("validation metric", title=f"{run.path} (best epoch {run.metrics['best_epoch']})")
    table.add_column("value", justify="right")
    for key, value in run.metrics["values"].items():
        if key.endswith(("@10", "@20")):
            table.add_row(key, f"{value:.4f}")
    out.print(table)
    out.print(f"next: hetmusic evaluate {run.path}   (test interactions, untouched so far)")
    out.print(f"      hetmusic recommend {run.path} --user {run.user_keys[0]}")


def _degree(degrees: Mapping[str, Any]) -> str:
    return f"{degrees['median']:g} / {degrees['mean']:.1f} / {degrees['max']:,}"
