"""What an experiment logger is, and the resolver of loggers."""

from __future__ import annotations

from hetmusic._resolve import Resolver
from hetmusic.training.events import TrainingObserver


class RunLogger(TrainingObserver):
    """A :class:`TrainingObserver` that keeps what it hears somewhere; plug-ins derive from it.

    A logger that raises while a run is trained is not worth the run: the error becomes a warning, and the logger hears
    nothing more. A :class:`~hetmusic.errors.UserError` from the constructor or from :meth:`on_run` ends the fit.
    """


#: names, import paths, classes, instances and entry points (group ``hetmusic.loggers``) -> logger
loggers: Resolver[RunLogger] = Resolver("logger", RunLogger, "hetmusic.loggers")
