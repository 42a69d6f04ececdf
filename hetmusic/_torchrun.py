"""What torchrun tells the processes that it starts; without torch."""

from __future__ import annotations

import os

from hetmusic.errors import ConfigError, UserError

_SET = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


class ProcessError(UserError):
    """One of several processes has failed, and is the first to say so.

    :param trace: the traceback of somebody's own code, if it was that which failed.
    """

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


class FailedElsewhere(UserError):
    """Another process of the same training has failed and has said why; there is nothing to add."""


def num_processes() -> int:
    """How many processes torchrun has started together; 1 if it has not started this one."""
    return int(os.environ["WORLD_SIZE"]) if all(name in os.environ for name in _SET) else 1


def rank() -> int:
    """Which of them this one is, from 0."""
    return int(os.environ["RANK"]) if num_processes() > 1 else 0


def local_rank() -> int:
    """Which of those on this machine this one is, from 0."""
    return int(os.environ["LOCAL_RANK"]) if num_processes() > 1 else 0


def check_one_machine() -> None:
    """Refuse processes on several machines.

    :raises ConfigError: with their number.
    """
    here, everywhere = int(os.environ.get("LOCAL_WORLD_SIZE", num_processes())), num_processes()
    if here != everywhere:
        raise ConfigError(
            f"{here} of {everywhere} processes are on this machine: training runs on one machine (torchrun --nnodes 1)"
        )


def speaks(problem: UserError) -> bool:
    """Whether this process is the one to show an error.

    Before processes have joined they all make the same mistake, and the first one says it; afterwards whoever fails first
    does, by a :class:`ProcessError` unless it is the first one of all.
    """
    if isinstance(problem, FailedElsewhere):
        return False
    return rank() == 0 or isinstance(problem, ProcessError)
