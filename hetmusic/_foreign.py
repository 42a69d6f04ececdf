"""Objects of other packages: told from hetmusic's own, and named when they fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from hetmusic.errors import PluginError, UserError

#: where hetmusic is, whose frames a traceback of another package's code does not need
HOME = Path(__file__).parent


def is_foreign(cls: type) -> bool:
    """Whether a class is of another package than hetmusic."""
    return cls.__module__.partition(".")[0] != "hetmusic"


@contextlib.contextmanager
def naming(
    what: Callable[[], str],
    plugin: object,
    passed: tuple[type[Exception], ...] = (),
    advise: Callable[[Exception], str] = lambda problem: "",
) -> Iterator[None]:
    """Turn an error of another package's object into one that names it; hetmusic's own errors stay what they are.

    :param what: what failed, e.g. ``"sampler Mine failed"``; asked on failure alone.
    :param passed: errors, beside :class:`~hetmusic.errors.UserError`, that stay what they are.
    :param advise: what to do about an error.
    :raises PluginError: with the traceback from the other package's first line on, without the insides of torch.
    """
    try:
        yield
    except UserError:
        raise
    except passed:
        raise
    except Exception as problem:
        if not is_foreign(type(plugin)):
            raise
        raise PluginError.caused_by(problem, what(), advise(problem), skip=HOME) from problem
