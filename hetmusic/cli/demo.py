"""``hetmusic demo``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), help="Keep everything in this folder. [default: thrown away]"
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def command(out: Path | None, seed: int, overwrite: bool) -> None:
    """Do everything once on data made up on the spot: dump, graph, features, training, test, recommendations."""
    import tempfile

    from hetmusic._io import replacing_folder
    from hetmusic.cli import _progress, _render
    from hetmusic.demo import run_demo
    from hetmusic.recommend.output import render_table

    def work(folder: Path) -> None:
        result = run_demo(folder, seed, _progress.observers(False), click.echo)
        _render.metrics_table(result.evaluation)
        click.echo(
            f"\nNDCG@10 on the test part {result.evaluation['ndcg@10']:.4f}, by popularity {result.popularity:.4f}, "
            f"best possible (knowing the planted tastes) {result.best:.4f}\n"
        )
        click.echo(render_table(result.recommendations))

    if out is None:
        with tempfile.TemporaryDirectory(prefix="hetmusic-demo-") as temporary:
            work(Path(temporary))
        return
    with replacing_folder(out, overwrite=overwrite, mark="raw/truth/world.json") as folder:
        work(folder)
    click.echo(f"\neverything is in {out}")
