"""``hetmusic synth``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hetmusic.synth.planted import WorldDesign


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to write the raw dump to."
)
@click.option(
    "--world",
    metavar="NAME",
    help="A world in which one signal carries the answer, with its split; e.g. only-audio.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="e.g. users=1000; repeatable.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def command(out: Path, world: str | None, seed: int, overrides: tuple[str, ...], overwrite: bool) -> None:
    """Write a raw dump of a made-up world, in the tables format, with its true preferences beside it."""
    from hetmusic._toml import merge, parse_override

    values: dict[str, object] = {}
    for text in overrides:
        values = merge(values, parse_override(text))
    design = _write(out, world, seed, values, overwrite)
    click.echo(f"wrote {out}")
    click.echo(f"next: hetmusic build --spec {out / 'spec.yaml'} --raw {out} --out GRAPH")
    if design is not None:
        if design.modalities:
            click.echo(f"then: the features {', '.join(design.modalities)} (docs/synthetic_worlds.md)")
        if design.hears_emotion:
            click.echo(
                f"then: hetmusic features train-emotion --annotations {out / 'annotations.csv'} --scale 1,9 --out MODEL"
            )
            click.echo(
                f"then: hetmusic features extract GRAPH --raw {out} --emotion --emotion-model MODEL "
                f"--lexicon {out / 'lexicon.tsv'}"
            )
        sets = "".join(f" --set '{setting}'" for setting in design.model + design.full)
        click.echo(f"then: hetmusic fit GRAPH --split {out / 'split.tsv'} --out RUN{sets}")


def _write(
    out: Path, world: str | None, seed: int, values: dict[str, object], overwrite: bool
) -> WorldDesign | None:
    """Write the default world or a named one, whose design is returned."""
    from hetmusic.synth import WorldSettings, make_world, write_dump

    if world is None:
        write_dump(make_world(WorldSettings.parse(values), seed), out, overwrite=overwrite)
        return None
    from hetmusic.synth.planted import make_planted, write_planted

    planted = make_planted(world, seed, values)
    write_planted(planted, out, overwrite=overwrite)
    return planted.design
