"""What the commands print for people to read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from hetmusic.cli._table import table
from hetmusic.graph.types import EdgeType
from hetmusic.ranking import METRIC_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hetmusic.evaluation import Evaluation
    from hetmusic.experiments.journal import Trial
    from hetmusic.experiments.tuning import StudyPlan
    from hetmusic.graph import LeakageReport, MusicGraph
    from hetmusic.recommend import Run
    from hetmusic.training.memory_plan import MemoryPlan


def build_report(graph: MusicGraph) -> None:
    """What was built, and every row that was dropped, repaired or merged."""
    click.echo(f"built {graph.path}: {graph.name}\n")
    click.echo(table(["nodes", "count"], [[t, f"{graph.num_nodes(t):,}"] for t in graph.node_types], [1]))
    relations = [[_arrow(edge_type), f"{graph.num_edges(edge_type):,}"] for edge_type in graph.edge_types]
    click.echo("\n" + table(["relation", "edges"], relations, [1]))
    findings(graph.meta.build_report)
    if graph.meta.interaction is not None:
        click.echo(f"\nnext: hetmusic fit {quoted(graph.path)} --out RUN")


def findings(report: Mapping[str, Any]) -> None:
    """The build report's counts."""
    from hetmusic.cli._render_graph import filter_steps, joined_nodes, rows_used

    if report.get("parts"):
        rows_used(report)
    if report.get("joins"):
        joined_nodes(report)
    if report.get("filters"):
        filter_steps(report)
    lines = []
    for found in report.get("findings", []):
        parts = found.get("first_parts") or [""] * len(found["first_lines"])
        places = zip(found["first_lines"][:3], parts, strict=False)
        first = ", ".join(f"{line} of {part}" if part else str(line) for line, part in places)
        many = "lines" if len(found["first_lines"]) > 1 else "line"
        rows = f"{found['rows']:,} {'row' if found['rows'] == 1 else 'rows'} of {found['file']}"
        # of a file in a folder its name says more than its number
        named = found["part"] == "file" and (found["action"] == "dropped" or "*" in found["file"])
        which = "".join(f", {example!r}" for example in found["examples"]) if named else ""
        lines.append(f"  {found['action']} {rows}: {found['reason']} (first: {many} {first}{which})")
    lines += [f"  warning: {warning}" for warning in report.get("warnings", [])]
    if lines:
        click.echo("\nraw data that was not as it should be:\n" + "\n".join(lines))


def graph_summary(summary: Mapping[str, Any]) -> None:
    """Everything ``hetmusic info`` shows."""
    if summary["interaction"] is None:
        click.echo(f"{summary['name']}: {summary['item']}s without listeners\n")
    else:
        interaction = _arrow(EdgeType.parse(summary["interaction"]))
        click.echo(f"{summary['name']}: recommends {summary['item']}s, predicts {interaction}\n")
    click.echo(table(["nodes", "count", "named", "isolated"], list(_nodes(summary)), [1, 2, 3]))
    modalities = list(_modalities(summary))
    if modalities:
        click.echo("\n" + table(["modality", "of", "dimension", "coverage"], modalities, [2, 3]))
    header = ["relation", "inverse", "edges", "source degree", "target degree"]
    click.echo("\n" + table(header, list(_relations(summary)), [2, 3, 4]))
    click.echo("(degrees: median / largest; --json has more)")
    if summary["assignments"]:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in summary["assignments"].items())
        click.echo(f"\nwho tagged what is known: {kinds}")
    for name, made in summary["additions"].items():
        click.echo(f"\nadded after the build: {name}, from {', '.join(made['sources'])}")
    for warning in summary["warnings"]:
        click.echo(f"warning: {warning}")
    findings(summary["build_report"])


def metrics_table(found: Evaluation) -> None:
    """Metrics by row, cutoffs by column."""
    masked = "nothing" if found.mask == "none" else found.mask.replace("+", " and ") + " items"
    click.echo(
        f"{found.part} part: {len(found.users):,} users, {found.num_items:,} candidates, {masked} masked\n"
    )
    click.echo(_metrics(found.values))


def leakage(found: LeakageReport | str) -> None:
    """The outcome of the leakage check, or why there is none."""
    click.echo(f"\nleakage check not made: {found}" if isinstance(found, str) else f"\n{found}")


def fit_summary(run: Run) -> None:
    """What a run reached on validation, and what to do next."""
    best = run.metrics["best_epoch"]
    kept = "best: the start, before the first epoch" if best < 0 else f"best epoch {best}"
    click.echo(f"{run.path}: valid part, {kept}\n")
    click.echo(_metrics(run.metrics["values"]))
    click.echo(f"\nnext: hetmusic evaluate {quoted(run.path)}   (test part, untouched so far)")
    click.echo(f"      hetmusic recommend {quoted(run.path)} --user {quoted(run.user_keys[0])}")


def memory_plan(plan: MemoryPlan) -> None:
    """What training would take, part by part."""
    parts = {
        "interpreter and libraries": plan.process,
        "parameters": plan.parameters,
        "features": plan.features,
        "graph": plan.graph,
        "moments of Adam": plan.optimizer,
        "running average": plan.average,
        "a step": plan.step,
        "or validation": plan.validation,
        "peak": plan.peak,
    }
    click.echo(table(["memory", "MB"], [[name, f"{size / 1e6:,.0f}"] for name, size in parts.items()], [1]))


def study_summary(graph: Path, plan: StudyPlan, metric: str, trials: Sequence[Trial], out: Path) -> None:
    """The best settings of a study beside the first ones, and what to do with them."""
    from hetmusic.experiments.journal import best_of
    from hetmusic.experiments.study_files import BEST_FILE

    best = best_of(trials)
    if best is None:
        click.echo(f"{out}: no trial was completed")
        return
    first = trials[0]
    states = [trial.state for trial in trials]
    counts = ", ".join(f"{states.count(s)} {s}" for s in ("complete", "pruned", "failed") if s in states)
    many = "trial" if len(trials) == 1 else "trials"
    click.echo(f"{plan.model}: {len(trials)} {many} ({counts}), {sum(t.seconds for t in trials):.1f} s\n")
    rows = [
        [key, _setting(first.settings.get(key)), _setting(best.settings.get(key))]
        for key in plan.space.dimensions
    ]
    rows.append([f"valid {metric}", *("" if t.value is None else f"{t.value:.4f}" for t in (first, best))])
    click.echo(table(["setting", "default", f"trial {best.number}"], rows, [1, 2]))
    named = quoted(f"{plan.model}={out / BEST_FILE}")
    click.echo(
        f"\nnext: hetmusic compare {quoted(graph)} --models {quoted(plan.model)} --settings {named} --out RESULTS"
    )


def _setting(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def quoted(value: object) -> str:
    """A word as a shell takes it."""
    return shlex.quote(str(value))


def _arrow(edge_type: EdgeType) -> str:
    return " ".join(edge_type)


def _metrics(values: Mapping[str, float]) -> str:
    names = sorted({key.split("@")[0] for key in values}, key=METRIC_NAMES.index)
    ks = sorted({int(key.split("@")[1]) for key in values})
    rows = [[name, *(f"{values[f'{name}@{k}']:.4f}" for k in ks)] for name in names]
    return table(["metric", *(f"@{k}" for k in ks)], rows, range(1, len(ks) + 1))


def _nodes(summary: Mapping[str, Any]) -> Iterator[list[str]]:
    for ntype, node in summary["nodes"].items():
        yield [ntype, *(f"{node[key]:,}" for key in ("count", "named", "isolated"))]


def _modalities(summary: Mapping[str, Any]) -> Iterator[list[str]]:
    for ntype, node in summary["nodes"].items():
        for name, info in node["modalities"].items():
            yield [name, ntype, f"{info['dim']:,}", f"{info['coverage']:.1%}"]


def _relations(summary: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, relation in summary["relations"].items():
        inverse = "(symmetric)" if relation["symmetric"] else relation["inverse"] or ""
        degrees = (relation["degrees"][end] for end in ("src", "dst"))
        shown = [f"{degree['median']:g} / {degree['max']:,}" for degree in degrees]
        yield [_arrow(EdgeType.parse(name)), inverse, f"{relation['edges']:,}", *shown]
