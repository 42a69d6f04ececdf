"""Whether everything that an encoder, combiner or head wants to learn is known to the optimiser."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

#: what torch itself keeps in a module
_OF_TORCH = frozenset(vars(nn.Module())) | {"_made_with"}

_CONTAINERS = "nn.ModuleList, nn.ModuleDict or nn.ParameterList"


def why_not_trainable(plugin: nn.Module, hooks: str = "message or forward") -> str:
    """Why an encoder, combiner or head cannot be trained as it is, and what to do; empty if it can.

    :param hooks: its methods that compute.
    """
    if found := contains_itself(plugin):
        return found
    lazy = [name for name, p in plugin.named_parameters() if isinstance(p, nn.UninitializedParameter)]
    if lazy:
        return f"it has parameters without shape ({', '.join(lazy)}): make them in __init__ from dim, not in Lazy modules"
    return unlearned_attributes(plugin, hooks)


def contains_itself(plugin: nn.Module) -> str:
    """Where a module has a submodule that it is itself part of, and what to do; empty if it has none."""
    path = _to_itself(plugin)
    return path and (
        f"it contains itself: self.{path} leads back to a module that it is part of, which torch would follow forever; hand "
        "on what is needed of it, or keep it in a tuple, self.owner = (owner,), in which torch does not look"
    )


def _to_itself(module: nn.Module, above: tuple[nn.Module, ...] = (), path: str = "") -> str:
    """Path of a submodule that is one of those above it; empty if there is none."""
    for name, part in module._modules.items():
        where = f"{path}.{name}" if path else name
        if part is module or part in above:
            return where
        if part is not None and (found := _to_itself(part, (*above, module), where)):
            return found
    return ""


def unlearned_attributes(plugin: nn.Module, hooks: str = "message or forward") -> str:
    """What stands in an encoder, combiner or head as if it were learned, but is not; empty if nothing does.

    Modules and parameters that were put past torch on purpose, as :meth:`RelationEncoder.borrow` does, are not meant.

    :param hooks: its methods that compute.
    """
    known = {id(parameter) for parameter in plugin.parameters()}
    for path, module in plugin.named_modules():
        where = f"self.{path}." if path else "self."
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.requires_grad:
                return (
                    f"{where}{name} is a buffer, which is never learned, though it asks for a gradient: make it with "
                    "nn.Parameter(...), or without requires_grad"
                )
        for name, value in vars(module).items():
            if name not in _OF_TORCH and (found := _unlearned(value, f"{where}{name}", module, known, hooks)):
                return found
    return ""


def _unlearned(value: Any, name: str, module: nn.Module, known: Collection[int], hooks: str) -> str:
    if isinstance(value, Tensor):
        if not value.requires_grad or isinstance(value, nn.Parameter):
            return ""
        if value.is_leaf:
            return (
                f"{name} asks for a gradient but is no parameter, so it would never be learned: make it with "
                "nn.Parameter(...)"
            )
        # weights that a hook makes anew before every call, as weight_norm does, are no mistake
        return (
            ""
            if module._forward_pre_hooks
            else (
                f"{name} was computed from parameters in __init__, and would not change when these do: compute it in "
                f"{hooks}"
            )
        )
    hidden = [p for p in _held(value) if p.requires_grad and id(p) not in known]
    if not hidden:
        return ""
    return (
        f"{name} is a {type(value).__name__}, where torch does not look for parameters, so that what it holds would never "
        f"be learned: use {_CONTAINERS}"
    )


def _held(value: Any) -> Iterator[Tensor]:
    """The tensors in a list, tuple, set or dictionary, also those of modules in it."""
    parts: Iterable[Any] = ()
    if isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, (list, tuple, set)):
        parts = value
    for part in parts:
        if isinstance(part, nn.Module):
            yield from part.parameters()
        elif isinstance(part, Tensor):
            yield part
        else:
            yield from _held(part)


@contextlib.contextmanager
def noting_parameters() -> Iterator[dict[int, str]]:
    """What modules are given parameters in the block: the identity of each -> what it is called."""
    made: dict[int, str] = {}

    def note(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if parameter is not None:
            made[id(parameter)] = f"{type(module).__name__}.{name}"

    handle = register_module_parameter_registration_hook(note)
    try:
        yield made
    finally:
        handle.remove()


def unlearned_leaves(
    out: Tensor,
    inputs: Collection[Tensor],
    learned: Collection[int],
    made: Mapping[int, str],
    hooks: str = "message or forward",
) -> str:
    """What a result depends on that wants a gradient but is neither input nor learned; empty if nothing is.

    :param inputs: what the result may depend on.
    :param learned: identities of the parameters that the optimiser knows.
    :param made: of :func:`noting_parameters` around the call.
    :param hooks: the methods that compute it.
    """
    allowed = {*learned, *(id(part) for part in inputs)}
    strange = [leaf for leaf in _leaves(out, inputs) if id(leaf) not in allowed]
    if not strange:
        return ""
    leaf = strange[0]
    kind = "an nn.Parameter" if isinstance(leaf, nn.Parameter) else "a tensor that asks for a gradient"
    what = f"{made.get(id(leaf), kind)} of shape {tuple(leaf.shape)}"
    return (
        f"computes with {what} that the optimiser does not know, so that it is never learned: make layers and "
        f"nn.Parameter in __init__ and not in {hooks}, and keep them as attributes of self, lists of them in "
        f"{_CONTAINERS}"
    )


def idle_parameters(out: Tensor, inputs: Collection[Tensor], encoder: nn.Module) -> list[str]:
    """The parameters of an encoder that its result does not depend on, and that are therefore never learned."""
    reached = {id(leaf) for leaf in _leaves(out, inputs)}
    return [name for name, p in encoder.named_parameters() if p.requires_grad and id(p) not in reached]


def _leaves(out: Tensor, inputs: Collection[Tensor]) -> Iterator[Tensor]:
    """The tensors at the beginning of what a result was computed from, the inputs' own past left out."""
    if out.grad_fn is None:
        if out.requires_grad:
            yield out
        return
    # kept, so that a node is the same object whenever it is met
    seen = {part.grad_fn for part in inputs if part.grad_fn is not None}
    waiting = [out.grad_fn]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if (leaf := getattr(node, "variable", None)) is not None:
            yield leaf
        waiting += [before for before, _ in node.next_functions if before is not None]
