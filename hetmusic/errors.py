"""The errors hetmusic raises for a user's mistake; all are :class:`UserError` and print as one line."""

from __future__ import annotations

import traceback
from pathlib import Path

from kg_schema.errors import SchemaError, UserError, did_you_mean

__all__ = [
    "ConfigError",
    "DataError",
    "DownloadError",
    "EnvironmentProblem",
    "FeatureError",
    "GraphFormatError",
    "PluginError",
    "RunError",
    "SchemaError",
    "SplitError",
    "UnknownKeyError",
    "UserError",
    "did_you_mean",
]


class DataError(UserError):
    """A raw file that cannot be read as its specification says."""


class DownloadError(UserError):
    """A file that cannot be downloaded, is not what it should be, or cannot be unpacked safely."""


class GraphFormatError(UserError):
    """A graph folder that is damaged, incomplete or of a format this version does not know."""


class UnknownKeyError(UserError):
    """A node key, node type, relation or modality that the graph does not have."""


class FeatureError(UserError):
    """Feature vectors that do not fit the graph (shape, finiteness, keys)."""


class SplitError(UserError):
    """A split that cannot be made or does not belong to the graph."""


class ConfigError(UserError):
    """A configuration with an unknown key, a wrong type or values that exclude each other."""


class PluginError(ConfigError):
    """A class of another package that fails; :attr:`trace` shows where, which the command line prints before the message."""

    #: the traceback from the other package's first line on, without the insides of torch
    trace: str = ""

    @classmethod
    def caused_by(
        cls, problem: BaseException, what: str, hint: str = "", skip: Path | None = None
    ) -> PluginError:
        """Make one that says in one line what failed, and keeps the traceback.

        :param what: what could not be done, e.g. ``"relation encoder 'my_pkg.enc:Decay' cannot be imported"``.
        :param hint: what to do about it.
        :param skip: frames of files in this folder are left out of the traceback.
        """
        frames = [
            frame for frame in traceback.extract_tb(problem.__traceback__) if not _is_inside(frame, skip)
        ]
        # the insides of torch say little: neither how it called the plug-in, nor where in it the error came up
        own = [frame for frame in frames if "torch" not in Path(frame.filename).parts] or frames
        where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
        found = cls(f"{what}: {type(problem).__name__}: {' '.join(str(problem).split())}{where}{hint}")
        lines = ["Traceback (most recent call last):\n", *traceback.format_list(own)]
        found.trace = "".join([*lines, *traceback.format_exception_only(problem)])
        return found


def _is_inside(frame: traceback.FrameSummary, folder: Path | None) -> bool:
    if Path(frame.filename).parent.name == "importlib":
        return True
    return frame.filename.startswith("<frozen") or (
        folder is not None and folder in Path(frame.filename).parents
    )


class RunError(UserError):
    """A run folder that is missing, damaged, unfinished or whose graph has gone."""


class EnvironmentProblem(UserError):
    """A package or device that is missing or broken; the message says what to do about it."""
