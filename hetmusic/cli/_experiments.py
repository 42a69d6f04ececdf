"""What ``tune``, ``compare`` and ``ablate`` have in common: options, progress, and tables that fit the terminal."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hetmusic.cli._options import cutoffs
from hetmusic.cli._table import table
from hetmusic.errors import RunError

if TYPE_CHECKING:
    from hetmusic.experiments.cells import CellFailure, CellResult
    from hetmusic.experiments.comparison import Protocol
    from hetmusic.experiments.journal import Trial
    from hetmusic.experiments.summary import Summary
    from hetmusic.experiments.tables import Table

PATH = click.Path(path_type=Path)
F = TypeVar("F", bound=Callable[..., Any])

split_option = click.option(
    "--split",
    default="random",
    show_default=True,
    metavar="SPLIT",
    help="File of a published split, or a strategy with settings: cold-items,share=0.2.",
)
metric_option = click.option(
    "--metric", default="ndcg@10", show_default=True, help="Metric that choices go by."
)
quiet_option = click.option("--quiet", is_flag=True, help="No progress, no tables.")


def names(ctx: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    """Read a list such as ``a,b,c``."""
    found = [] if value is None else [part.strip() for part in value.split(",")]
    if not all(found):
        raise click.BadParameter(f"{value!r} is not a list of names such as a,b,c")
    return found


def protocol_options(command: F) -> F:
    """Add the options that say how models are trained and judged."""
    options = [
        split_option,
        click.option(
            "--seeds",
            type=click.IntRange(min=1),
            default=3,
            show_default=True,
            help="Number of splits and fits.",
        ),
        click.option(
            "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first seed."
        ),
        metric_option,
        click.option(
            "--mask",
            type=click.Choice(["train", "train+valid", "none"]),
            default="train+valid",
            show_default=True,
            help="Known items left out of the ranking.",
        ),
        click.option(
            "-k",
            "--k",
            "ks",
            default="5,10,20,50",
            show_default=True,
            callback=cutoffs,
            help="Lengths of the lists.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def protocol(split: str, seeds: int, seed: int, metric: str, mask: str, ks: Sequence[int]) -> Protocol:
    """What :func:`protocol_options` say together."""
    from hetmusic.experiments.comparison import Protocol
    from hetmusic.experiments.problems import SplitChoice, user_metric

    return Protocol(
        SplitChoice.parse(split),
        tuple(range(seed, seed + seeds)),
        user_metric(metric),
        mask,
        tuple(sorted(set(ks))),
    )


@contextlib.contextmanager
def going_on(out: Path) -> Iterator[None]:
    """Say on Ctrl-C that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"the same command goes on with {out}" if out.is_dir() else "nothing was written"
        ) from None


class Progress:
    """Says on standard error how cells and trials end, the traceback of somebody's own code first.

    :param quiet: says nothing but that, and what failed there.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._shown: set[tuple[str, ...]] = set()

    def cell(self, label: str, seed: int, result: CellResult | CellFailure, is_new: bool) -> None:
        """Say how a cell went."""
        shown = False
        if not hasattr(result, "measured"):
            shown = self._trace(result.trace)
            line = f"failed: {result.reason}"
        else:
            found = result.measured
            metric = found.cell.metric
            line = f"valid {metric} {found.valid:.4f}, test {found.test[metric]:.4f}"
            line += f" ({found.seconds:.1f} s)" if is_new else " (done before)"
        self._say(f"{label}, seed {seed}: {line}", shown)

    def trial(self, model: str, trial: Trial, best: Trial | None) -> None:
        """Say how a trial went."""
        shown = self._trace(trial.trace)
        how = {
            "complete": f"{trial.value:.4f}" if trial.value is not None else "",
            "pruned": f"stopped after {len(trial.steps)} validations",
            "failed": f"failed: {trial.error}",
        }[trial.state]
        seconds = f" ({trial.seconds:.1f} s)" if trial.seconds else " (tried before)"
        leading = "" if best is None else f"; best {best.value:.4f}, trial {best.number}"
        self._say(f"{model}, trial {trial.number}: {how}{seconds}{leading}", shown)

    def _say(self, line: str, shown: bool) -> None:
        if shown or not self.quiet:
            click.echo(line, err=True)

    def _trace(self, trace: str) -> bool:
        """Show a traceback once: what fails in one cell mostly does so in the others, in the same lines.

        :return: whether it was shown.
        """
        lines = tuple(line for line in trace.splitlines() if line.startswith("  File "))
        if not trace or lines in self._shown:
            return False
        self._shown.add(lines)
        click.echo(trace, err=True, nl=False)
        return True


def report(summary: Summary, out: Path, quiet: bool) -> None:
    """Print the tables of a comparison, and end in an error if some of it could not be run.

    :raises RunError: with the number of fits that failed.
    """
    if not quiet:
        show(summary, out)
    if summary.num_failed:
        total = summary.num_failed + sum(len(row["seeds"]) for row in summary.rows)
        raise RunError(
            f"{summary.num_failed} of {total} fits failed ({out / 'results.md'} says why); "
            "the same command tries them again"
        )


def show(summary: Summary, out: Path) -> None:
    """Print the tables of a comparison, as many columns as fit."""
    from hetmusic.experiments import tables

    width = shutil.get_terminal_size((100, 24)).columns
    keys = tables.metric_keys(summary)
    first = lay_out(tables.metrics_table(summary, keys))
    while len(keys) > 1 and _width(first) > width:
        keys = keys[:-1]
        first = lay_out(tables.metrics_table(summary, keys))
    wanted = [tables.tests_table(summary, key) for key in tables.metric_keys(summary)[:2]]
    parts = [
        first,
        *(lay_out(found) for found in wanted if found is not None),
        lay_out(tables.cost_table(summary)),
    ]
    notes = [
        *tables.explanations(summary),
        *tables.problems(summary),
        f"all metrics and tests: {out / 'results.md'}",
    ]
    wrapped = [click.wrap_text(note, min(width, 120), subsequent_indent="  ") for note in notes]
    click.echo("\n\n".join([*parts, "\n".join(wrapped)]))


def lay_out(found: Table) -> str:
    """A table as aligned text below its title."""
    return f"{found.title}\n\n{table(found.header, found.rows, range(1, len(found.header)))}"


def _width(text: str) -> int:
    return max(len(click.unstyle(line)) for line in text.split("\n", 2)[2].splitlines())
