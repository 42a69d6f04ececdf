"""Messages of the package's own loggers as lines like ``warning: ...`` on standard error."""

from __future__ import annotations

import logging

import click


class _Lines(logging.Handler):
    """Looks standard error up at every line, so that redirecting it later works."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        click.echo(f"{record.levelname.lower()}: {record.getMessage()}", err=True)


_handler = _Lines()


def show_messages(verbose: bool, alone: bool = True) -> None:
    """Show warnings, or everything from INFO on; calling it again changes the level.

    :param alone: whether no other process says the same.
    """
    shown = logging.INFO if verbose else logging.WARNING
    for name in ("hetmusic", "kg_schema"):
        logger = logging.getLogger(name)
        logger.setLevel(shown if alone else logging.ERROR)
        logger.addHandler(_handler)
