"""The backward pass: where a plug-in makes it fail, that is named, with the line of the forward pass that it comes from."""

from __future__ import annotations

import contextlib
import inspect
import re
import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from hetmusic._foreign import HOME, is_foreign
from hetmusic.errors import PluginError, UserError
from hetmusic.models.combine import Combiner
from hetmusic.models.heads import Head
from hetmusic.relations import RelationEncoder
from hetmusic.training.losses import Loss

_KINDS: dict[type[nn.Module], str] = {
    RelationEncoder: "relation encoder",
    Combiner: "combiner",
    Head: "head",
    Loss: "loss",
}
_FRAME = re.compile(r'^  File "(.*)", line (\d+), in .*\n(?:    .*\n)*', re.MULTILINE)
_IN_PLACE = (
    "; what was computed is needed again for gradients: write x = x + y instead of x += y or x.add_(y)"
)


def backward(
    loss: Tensor, again: Callable[[], Tensor] | None, model: nn.Module, loss_module: nn.Module
) -> None:
    """Compute the gradients of a loss.

    :param again: computes the loss once more, which is asked if it fails; None where that cannot be done.
    :raises PluginError: if it fails and another package's class takes part, with the lines of its forward pass.
    """
    try:
        loss.backward()
    except (UserError, torch.OutOfMemoryError):
        raise
    except Exception as problem:
        plugins = {
            f"{kind} {type(module).__name__} ({path or 'training.loss'})": type(module)
            for path, module in [*model.named_modules(), ("", loss_module)]
            for base, kind in _KINDS.items()
            if isinstance(module, base) and is_foreign(type(module))
        }
        if not plugins:
            raise
        raise _named(problem, [] if again is None else _frames_of_forward(again), plugins) from problem


def _named(problem: Exception, frames: Sequence[re.Match[str]], plugins: Mapping[str, type]) -> PluginError:
    reason = f"{type(problem).__name__}: {' '.join(str(problem).partition(' Hint:')[0].split())}"
    hint = _IN_PLACE if "inplace operation" in reason else ""
    own = [frame for frame in frames if any(_is_of(frame, cls) for cls in plugins.values())]
    if not own:
        names = ", ".join(plugins)
        which = names if len(plugins) == 1 else f"one of {names}"
        return PluginError.caused_by(problem, f"the gradients of {which} cannot be computed", hint, skip=HOME)
    last = own[-1]
    name = next(name for name, cls in plugins.items() if _is_of(last, cls))
    found = PluginError(
        f"the gradients of {name} cannot be computed: {reason} ({last[1]}, line {last[2]}){hint}"
    )
    lines = "".join(frame[0] for frame in own)
    found.trace = f"Traceback of the forward pass (most recent call last):\n{lines}{reason}\n"
    return found


def _frames_of_forward(again: Callable[[], Tensor]) -> list[re.Match[str]]:
    """Where the operation was called that has no gradient, as torch tells when it is asked to look."""
    with warnings.catch_warnings(record=True) as said, contextlib.suppress(Exception):
        warnings.simplefilter("always")
        with torch.autograd.detect_anomaly(check_nan=False):
            again().backward()
    texts: Sequence[str] = [str(found.message) for found in said if "forward call" in str(found.message)]
    return list(_FRAME.finditer(texts[-1])) if texts else []


def _is_of(frame: re.Match[str], cls: type) -> bool:
    """Whether a line is one of the source of a class, or of another package's class that it is derived from."""
    bases = [base for base in cls.__mro__ if is_foreign(base) and not base.__module__.startswith("torch.")]
    return any(_is_in(frame, base) for base in bases)


def _is_in(frame: re.Match[str], cls: type) -> bool:
    try:
        lines, start = inspect.getsourcelines(cls)
        return frame[1] == inspect.getsourcefile(cls) and start <= int(frame[2]) < start + len(lines)
    except (OSError, TypeError):  # no source, as in an interactive session or of a built-in class
        return False
