"""What the commands about graphs and dumps print for people to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from hetmusic.cli._render import quoted
from hetmusic.cli._table import table

if TYPE_CHECKING:
    from hetmusic.graph.export import ExportReport
    from hetmusic.graph.validation import Finding, ValidationReport


def validation(report: ValidationReport) -> None:
    """What was checked, and what is wrong or odd with it."""
    click.echo(f"{report.path}: {report.name}\n")
    found = {where: [0, 0] for where in report.checked}
    for finding in report.findings:
        found.setdefault(finding.where, [0, 0])[finding.level == "warning"] += 1
    rows = [
        [where, f"{report.checked[where]:,}" if where in report.checked else "", *map(str, counts)]
        for where, counts in found.items()
    ]
    click.echo(table(["checked", "rows", "errors", "warnings"], rows, [1, 2, 3]))
    _findings("errors", report.errors)
    _findings("warnings", report.warnings)
    if not report.findings:
        click.echo("\nnothing is wrong")


def rows_used(report: Mapping[str, Any]) -> None:
    """How many rows of each file were used for what."""
    rows = [
        [found["file"], found["part"], f"{found['rows']:,}", f"{found['used']:,}"]
        for found in report["parts"]
    ]
    known = {found["file"] for found in report["parts"]}
    rows += [[file, "", f"{count:,}", ""] for file, count in report["rows"].items() if file not in known]
    click.echo("\n" + table(["file", "for", "rows", "used"], sorted(rows), [2, 3]))


def joined_nodes(report: Mapping[str, Any]) -> None:
    """Which nodes of several dumps are one, which could be, and where they say different things."""
    columns = ["nodes", "joined", "by_name", "new", "merged", "ambiguous"]
    rows = [
        [
            found["node_type"],
            found["dump"],
            found["by"] or found["space"],
            *(f"{found[c]:,}" if found[c] else "" for c in columns),
        ]
        for found in report["joins"]
    ]
    header = ["nodes", "dump", "joined on", "all", "known", "by name", "new", "merged", "ambiguous"]
    click.echo("\n" + table(header, rows, [3, 4, 5, 6, 7, 8]))
    for found in report["joins"]:
        who = f"{found['node_type']} of {found['dump']}"
        for title, key in (("by name", "examples"), ("ambiguous, so not joined", "ambiguous_examples")):
            if found[key]:
                click.echo(f"  {who}, {title}: {'; '.join(found[key][:3])}")
        for name, count in found["differing"].items():
            click.echo(f"  {who}: an earlier dump has another {name} for {count:,}, which counts")
    for found in report["joined_edges"]:
        if found["known"]:
            pairs = f"{found['known']:,} of {found['edges']:,} {found['edge_type']}"
            click.echo(f"  {pairs} of {found['dump']} are in an earlier dump, which counts")


def filter_steps(report: Mapping[str, Any]) -> None:
    """What each filter removed."""
    rows = []
    for step in report["filters"]:
        counts = {
            **step["nodes"],
            **step["edges"],
            **{f"{kind} given": n for kind, n in step["assignments"].items()},
        }
        shown = ", ".join(f"{count:,} {name.replace('__', ' ')}" for name, count in counts.items())
        rows.append([step["filter"], shown or "nothing"])
    click.echo("\n" + table(["filter", "removed"], rows, []))


def _findings(title: str, findings: Sequence[Finding]) -> None:
    if findings:
        click.echo(f"\n{title}:")
    for finding in findings:
        click.echo(f"  [{finding.check}] {finding}")


def export_report(report: ExportReport, to: str) -> None:
    """What was written, what is not in it, and how to read it."""
    click.echo(f"wrote {report.path}")
    for note in report.notes:
        click.echo(f"  note: {note}")
    out = report.path
    ways = {
        "dgl": f"from hetmusic import dgl; dgl.load_graphs({str(out / 'graph.dgl')!r})[0][0]",
        "pyg": f"HeteroData.from_dict(torch.load({str(out)!r}))",
        "networkx": f"networkx.read_graphml({str(out)!r}, force_multigraph=True)"
        if out.suffix.lower() == ".graphml"
        else f"networkx.node_link_graph(json.load(open({str(out)!r})), edges='edges')",
        "csv": f"hetmusic build --spec {quoted(out / 'spec.yaml')} --raw {quoted(out)} --out GRAPH",
    }
    click.echo(f"\nread it with: {ways[to]}")
