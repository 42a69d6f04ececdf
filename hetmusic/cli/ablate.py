"""``hetmusic ablate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hetmusic.cli import _experiments
from hetmusic.cli._experiments import PATH


@click.command()
@click.argument("graph", type=PATH)
@click.option(
    "--without",
    callback=_experiments.names,
    help="Components: social, mutual, emotion, kg, each-modality, or names of modalities.",
)
@click.option(
    "--controls",
    callback=_experiments.names,
    help="Graphs to compare with: shuffled-friends, shuffled-kg, shuffled-times, shuffled-MODALITY, half-features.",
)
@click.option(
    "--out", type=PATH, required=True, help="Folder of the ablation; what is there is not run again."
)
@click.option("--preset", default="default", show_default=True, help="Configuration of the full model.")
@click.option("--settings", type=PATH, help="TOML file on top of the preset.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="e.g. training.lr=0.003.")
@_experiments.protocol_options
@_experiments.quiet_option
def command(
    graph: Path,
    without: list[str],
    controls: list[str],
    out: Path,
    preset: str,
    settings: Path | None,
    overrides: tuple[str, ...],
    quiet: bool,
    **judged: Any,
) -> None:
    """Take mmgnn apart on GRAPH: what each component is worth, and each kind of knowledge."""
    from hetmusic.experiments.ablation import FULL, full_settings, variants
    from hetmusic.experiments.comparison import compare
    from hetmusic.graph import MusicGraph

    protocol = _experiments.protocol(**judged)
    full, source = full_settings(preset, settings, overrides)
    opened = MusicGraph.open(graph)
    entries = variants(opened, full, without, controls, source)
    with _experiments.going_on(out):
        summary = compare(
            opened,
            entries,
            protocol,
            out,
            kind="ablation",
            reference=FULL,
            on_cell=_experiments.Progress(quiet).cell,
        )
    _experiments.report(summary, out, quiet)
