"""Options that several commands have, and what those of ``hetmusic fit`` mean together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from hetmusic._torchrun import num_processes

if TYPE_CHECKING:
    from hetmusic.graph import MusicGraph

#: options that make sense with --resume; all else is settled when a run starts
_WITH_RESUME = {"resume", "epochs", "device", "loggers", "logger_set", "tensorboard", "quiet"}


def cutoffs(ctx: click.Context, parameter: click.Parameter, value: str) -> list[int]:
    """Read the lengths of lists, such as ``5,10,20``."""
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{value!r} is not a list of positive numbers such as 5,10,20")
    return [int(part) for part in parts]


def check(ctx: click.Context) -> None:
    """Refuse options of ``fit`` that exclude or miss each other.

    :raises click.UsageError: naming them.
    """
    given = [
        parameter
        for parameter in ctx.command.params
        if ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        and ctx.params.get(str(parameter.name)) is not None
    ]
    if ctx.params["resume"] is not None:
        if clash := [_shown(parameter) for parameter in given if parameter.name not in _WITH_RESUME]:
            raise click.UsageError(
                f"--resume goes on with a run as it was set up: {', '.join(clash)} cannot be given"
            )
    elif ctx.params["graph"] is not None and (ctx.params["explain_model"] or ctx.params["dry_run"]):
        if num_processes() > 1:
            raise click.UsageError("--explain-model and --dry-run train nothing: leave torchrun away")
        return
    elif ctx.params["graph"] is None or ctx.params["out"] is None:
        raise click.UsageError("give a GRAPH and --out RUN, or --resume RUN")


def as_overrides(
    seed: int | None, split: Path | None, epochs: int | None, device: str | None = None
) -> list[str]:
    """The options that stand for keys of the configuration, as ``key=value``."""
    found = [f"seed={seed}", f"split.seed={seed}"] if seed is not None else []
    if split is not None:  # JSON's texts are TOML's
        found += ['split.kind="file"', f"split.file={json.dumps(str(split), ensure_ascii=False)}"]
    found += [f"training.device={json.dumps(device)}"] if device is not None else []
    return found + ([f"training.epochs={epochs}"] if epochs is not None else [])


def _shown(parameter: click.Parameter) -> str:
    return parameter.opts[0] if isinstance(parameter, click.Option) else str(parameter.name).upper()


def automatic(graph: MusicGraph, quiet: bool) -> dict[str, object]:
    """The settings of ``--auto``, which are shown with their reasons."""
    from hetmusic.training.automatic import as_settings, choose

    choices = choose(graph)
    for choice in () if quiet else choices:
        click.echo(f"auto: {choice}", err=True)
    return as_settings(choices)
