"""``hetmusic evaluate``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hetmusic.cli._experiments import names
from hetmusic.cli._options import cutoffs
from hetmusic.errors import RunError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-k",
    "--k",
    "ks",
    default="5,10,20,50",
    show_default=True,
    callback=cutoffs,
    help="Lengths of the lists.",
)
@click.option("--part", type=click.Choice(["test", "valid", "train"]), default="test", show_default=True)
@click.option(
    "--mask",
    type=click.Choice(["train", "train+valid", "none"]),
    help="Known items left out of the ranking. [default: those of the parts before the evaluated one]",
)
@click.option(
    "--hide",
    metavar="NAMES",
    callback=names,
    help="Modalities to do without, separated by commas: everything is encoded anew as if no item had them.",
)
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="Where to rank: cpu, cuda, cuda:N, or auto: a GPU if there is one.",
)
@click.option("--json", "as_json", is_flag=True, help='Print JSON with keys such as "ndcg@10".')
@click.option("--save", type=click.Path(path_type=Path), help="Folder for averages and per-user values.")
def command(
    run: Path,
    ks: list[int],
    part: str,
    mask: str | None,
    hide: list[str],
    device: str,
    as_json: bool,
    save: Path | None,
) -> None:
    """Measure a run on held-out interactions, ranking the whole catalogue for every user."""
    from hetmusic.recommend import Run

    opened = Run.open(run)
    found = opened.evaluate(part=part, mask=mask, ks=ks, hide=hide, device=device)
    leaks = opened.leakage_or_reason()
    if save is not None:
        found.save(save, opened.user_keys)
    if as_json:
        checked = {"clean": None, "reason": leaks} if isinstance(leaks, str) else leaks.to_dict()
        hidden = {"hidden": hide} if hide else {}
        click.echo(json.dumps({**found.to_dict(), **hidden, "leakage": checked}, indent=2))
    else:
        from hetmusic.cli import _render

        _render.metrics_table(found)
        if hide:
            click.echo(f"hidden modalities: {', '.join(hide)}")
        _render.leakage(leaks)
    if not isinstance(leaks, str) and not leaks.clean:
        raise RunError(
            f"{run}: the training relations tell held-out pairs, so these numbers mean nothing: {leaks}"
        )
