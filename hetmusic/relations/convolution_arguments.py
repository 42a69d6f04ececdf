"""What the constructor of a DGL convolution is given: sizes filled in, words turned into functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

from torch import nn
from torch.nn import functional

from hetmusic.errors import ConfigError, did_you_mean

#: what becomes of several attention heads: side by side, each of size dim / heads, or averaged, each of size dim
MergeHeads = Literal["concat", "mean"]

#: names that constructors give the size of what comes in and what goes out
INPUT_SIZES = ("in_feats", "in_feat", "in_size", "input_d")
OUTPUT_SIZES = ("out_feats", "out_feat", "out_size", "output_d")
FILLED_IN = (*INPUT_SIZES, *OUTPUT_SIZES, "allow_zero_in_degree")
_ACTIVATIONS = ("elu", "gelu", "leaky_relu", "relu", "selu", "sigmoid", "silu", "softplus", "tanh")
_FUNCTIONS: Mapping[str, Callable[[int], nn.Module]] = {
    "linear": lambda dim: nn.Linear(dim, dim),
    "mlp": lambda dim: nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim)),
}


def is_convolution(cls: type) -> bool:
    """Whether a class looks like DGL's convolutions: a module whose forward begins with a graph and features."""
    if not issubclass(cls, nn.Module):
        return False
    names = list(inspect.signature(cls.forward).parameters)
    return len(names) > 2 and names[1] in {"graph", "g"}


def takes(cls: type[nn.Module], name: str) -> bool:
    """Whether ``forward`` has a parameter of this name."""
    return name in inspect.signature(cls.forward).parameters


def own_parameters(cls: type[nn.Module]) -> list[inspect.Parameter]:
    """The parameters of the constructor that a person gives."""
    found = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [p for p in found if p.name not in FILLED_IN]


def check_forward(cls: type[nn.Module]) -> None:
    """Refuse convolutions that want more than a graph and features, such as edge features or edge types."""
    needed = [
        p.name
        for p in list(inspect.signature(cls.forward).parameters.values())[3:]
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    ]
    if needed:
        raise ConfigError(
            f"{cls.__name__} of DGL cannot be a relation encoder as it is: its forward needs {', '.join(needed)}, which "
            "only you know how to make; call it from a RelationEncoder of your own, with dgl_block(relation)"
        )


def convolution_arguments(
    cls: type[nn.Module], dim: int, side_by_side: bool, given: Mapping[str, Any]
) -> dict[str, Any]:
    """All arguments of a constructor.

    :param dim: size of the representations.
    :param side_by_side: whether heads share ``dim`` among themselves.
    :param given: what a person gave.
    """
    known = inspect.signature(cls.__init__).parameters
    arguments = {name: _convert(name, value, dim) for name, value in given.items()}
    heads = given.get("num_heads", 1) if "num_heads" in known and side_by_side else 1
    if heads < 1 or dim % heads:
        raise ConfigError(
            f'{cls.__name__} of DGL: dim {dim} cannot be split into {heads} heads; merge_heads = "mean" averages them'
        )
    # the only one that wants both sizes to tell sources from destinations
    both = cls.__name__ == "DotGatConv"
    arguments |= {name: (dim, dim) if both else dim for name in INPUT_SIZES if name in known}
    arguments |= {name: dim // heads for name in OUTPUT_SIZES if name in known}
    if "allow_zero_in_degree" in known:
        arguments["allow_zero_in_degree"] = True
    return arguments


def _convert(name: str, value: Any, dim: int) -> Any:
    """A function for a word: ``activation = "relu"``, ``apply_func = "mlp"``."""
    if not isinstance(value, str):
        return value
    if name == "activation":
        return getattr(functional, _word(name, value, _ACTIVATIONS))
    if name == "apply_func":
        return _FUNCTIONS[_word(name, value, tuple(_FUNCTIONS))](dim)
    return value


def _word(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ConfigError(f"{name} = {value!r}{did_you_mean(value, known)}; known: {', '.join(known)}")
    return value
