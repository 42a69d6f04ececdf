"""The errors hetmusic raises for a user's mistake; all are :class:`UserError` and print as one line."""

from __future__ import annotations

from kg_schema.errors import SchemaError, UserError, did_you_mean

__all__ = [
    "ConfigError",
    "DataError",
    "DownloadError",
    "EnvironmentProblem",
    "FeatureError",
    "GraphFormatError",
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


class RunError(UserError):
    """A run folder that is missing, damaged, unfinished or whose graph has gone."""


class EnvironmentProblem(UserError):
    """A package or device that is missing or broken; the message says what to do about it."""
