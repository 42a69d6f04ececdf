"""A class of relation encoders for every class of DGL convolutions."""

from __future__ import annotations

import inspect
from typing import Any

from hetmusic.relations.base import RelationEncoder
from hetmusic.relations.convolution_arguments import MergeHeads, check_forward, is_convolution, own_parameters
from hetmusic.relations.registry import relation_encoders
from hetmusic.relations.weights import WeightScale


@relation_encoders.adapter
def encoder_of_convolution(convolution: type) -> type[RelationEncoder] | None:
    """The encoder class that runs a convolution class; None for other classes.

    Its constructor takes ``dim``, ``edge_scale``, ``merge_heads`` and the convolution's own arguments but for sizes.
    """
    if not is_convolution(convolution):
        return None
    check_forward(convolution)
    # DGL is slow to import
    from hetmusic.relations.convolutions import ConvolutionEncoder, make_convolution

    class Adapted(ConvolutionEncoder):
        def __init__(
            self,
            dim: int,
            edge_scale: WeightScale = "none",
            merge_heads: MergeHeads = "concat",
            **arguments: Any,
        ) -> None:
            """Make the convolution and wrap it.

            :param edge_scale: scale on which edge weights are handed to the convolution; none withholds them.
            :param merge_heads: whether heads lie side by side, each of size dim / heads, or are averaged, each of size dim.
            """
            made = make_convolution(convolution, dim, merge_heads, arguments)
            super().__init__(dim, made, edge_scale, merge_heads)

    _look_like(Adapted, convolution)
    return Adapted


def _look_like(adapted: type, convolution: type) -> None:
    """Give a class the name, text and arguments of the convolution that it runs."""
    adapted.__name__ = convolution.__name__
    adapted.__qualname__ = convolution.__qualname__
    adapted.__module__ = convolution.__module__
    adapted.__doc__ = convolution.__doc__
    constructor: Any = adapted.__init__  # type: ignore[misc]
    signature = inspect.signature(constructor)
    of_encoder = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    own = [p.replace(kind=p.KEYWORD_ONLY) for p in own_parameters(convolution) if p.kind is not p.VAR_KEYWORD]
    constructor.__signature__ = signature.replace(parameters=[*of_encoder, *own])
