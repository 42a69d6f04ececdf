"""The ``hetmusic`` command: finds sub-commands without importing them, and turns mistakes into one line."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hetmusic._printable import escaped
from hetmusic._torchrun import num_processes, rank, speaks
from hetmusic._version import __version__
from hetmusic.errors import UserError, did_you_mean

#: command -> one-line help, so that ``hetmusic --help`` imports none of them
COMMANDS = {
    "dumps": "List public data sets and what becomes of their files.",
    "fetch": "Download the raw files of a public data set.",
    "spec": "Describe your own tables.",
    "build": "Build a knowledge graph from a raw dump.",
    "info": "Show what a graph holds.",
    "validate": "Check everything in a graph that can be wrong.",
    "export": "Write a graph for DGL, PyG, NetworkX or as tables.",
    "features": "Give nodes their modalities.",
    "fit": "Train a model on a graph.",
    "evaluate": "Measure a run on held-out interactions.",
    "recommend": "Recommend to users from a run.",
    "similar": "List what is most alike to a song, artist or user.",
    "report": "Write an HTML page about a run or a comparison.",
    "runs": "List runs, best first, and how their settings differ.",
    "plot": "Draw a figure of a run, a comparison or an ablation.",
    "encoders": "List relation encoders and their arguments.",
    "check": "Check a relation encoder of your own.",
    "tune": "Search a model's settings on validation interactions.",
    "compare": "Compare models on the same splits, with tests.",
    "ablate": "Measure what each component of the model is worth.",
    "synth": "Write a synthetic raw dump with known preferences.",
    "demo": "Do everything once, on data made up on the spot.",
    "doctor": "Check the installation.",
}

#: what the operating system refuses because of the user's paths, permissions or disk
_USERS_PROBLEMS = {
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.EFBIG, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT,
    errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip

# characters of a message, which may quote what somebody made very long
_LONGEST = 4000

#: packages that commands import when they run
_REQUIRED = {
    "dgl",
    "numpy",
    "polars",
    "pyarrow",
    "pydantic",
    "rich",
    "safetensors",
    "scipy",
    "sklearn",
    "torch",
    "yaml",
}


class LazyGroup(click.Group):
    """Loads ``hetmusic.cli.<command>`` when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order in which one needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command's module."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"hetmusic.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        command.name = cmd_name  # each module calls its own `command`
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Add a suggestion to the error for an unknown command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            ctx.fail(f"no such command {args[0]!r}{did_you_mean(args[0], COMMANDS)}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hetmusic")
@click.option("-v", "--verbose", is_flag=True, help="Show what happens inside.")
@click.pass_context
def cli(ctx: click.Context, verbose: bool) -> None:
    """Socially aware, multi-modal music recommendation on heterogeneous graphs."""
    from hetmusic.cli._logging import show_messages

    if num_processes() > 1 and ctx.invoked_subcommand != "fit":
        raise click.UsageError(f"torchrun is for `hetmusic fit`, not for {ctx.invoked_subcommand}")
    show_messages(verbose, alone=rank() == 0)


def main(arguments: Sequence[str] | None = None, **options: Any) -> None:
    """Run the command line; a user's mistake ends in one line on standard error and exit status 1."""
    _find_modules_here()
    # OpenMP reads it when torch is loaded: threads that wait by spinning cost more than they bring on shared machines
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if num_processes() > 1:  # when one of them ends, torch would show the others' stacks
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        cli.main(arguments, standalone_mode=False, prog_name="hetmusic", **options)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as problem:
        if rank() == 0:
            problem.show()
        sys.exit(problem.exit_code)
    except UserError as problem:
        if not speaks(problem):
            sys.exit(1)
        if trace := getattr(problem, "trace", ""):  # somebody's own code: they need to see where
            click.echo(trace, err=True, nl=False)
        _fail(str(problem), 1)
    except (KeyboardInterrupt, click.Abort) as stop:  # click makes the one of the other
        _fail(f"interrupted{_advice(stop)}", 130)
    except ModuleNotFoundError as problem:
        if problem.name not in _REQUIRED:
            raise
        _fail(f"the package {problem.name} is not installed; `hetmusic doctor` says what to do", 1)
    except OSError as problem:
        if problem.errno not in _USERS_PROBLEMS:
            raise
        _fail(f"{problem.filename or 'the file system'}: {problem.strerror}", 1)


def _find_modules_here() -> None:
    """A person's own plug-ins lie where they work: modules of the working directory can be named; installed ones win."""
    with contextlib.suppress(OSError):  # the folder may be gone
        here = str(Path.cwd())
        if not {"", here} & set(sys.path):
            sys.path.append(here)


def _advice(stop: BaseException) -> str:
    """What the interrupted command has to say; click may have wrapped its exception."""
    said = [
        str(found) for found in (stop, stop.__context__, stop.__cause__) if found is not None and str(found)
    ]
    return f"; {said[0]}" if said else ""


def _fail(message: str, status: int) -> None:
    # names of files and values of the data may hold what a terminal takes for commands
    words = " ".join(message[:_LONGEST].split()) + ("..." if len(message) > _LONGEST else "")
    click.echo(f"error: {escaped(words)}", err=True)
    sys.exit(status)
