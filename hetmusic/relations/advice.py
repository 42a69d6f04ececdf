"""What may help against an error that was raised inside an encoder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hetmusic.errors import did_you_mean
from hetmusic.relations.block import NodeInputs, RelationBlock
from hetmusic.relations.edge_ends import EdgeEnds

#: how the hooks call what they are given, for a list of its attributes
_GIVEN: Mapping[type, str] = {
    EdgeEnds: "src and dst have",
    NodeInputs: "src and dst have",
    RelationBlock: "relation has",
}
#: attributes that no encoder needs
_INSIDE = {"csr", "place", "has_edges", "with_layer", "to", "from_coo", "from_dgl"}


def advice(problem: Exception, relation: RelationBlock, src: NodeInputs, dst: NodeInputs) -> str:
    """What may help, as the end of a message; empty if nothing comes to mind."""
    said = str(problem)
    if isinstance(problem, KeyError) and problem.args and problem.args[0] not in relation.edge:
        has = ", ".join(relation.edge) or "none"
        return f"; the edges of {relation.edge_type} have the attributes: {has}"
    if isinstance(problem, AttributeError) and (found := _of_the_given(problem, relation)):
        return found
    if isinstance(problem, TypeError) and re.search("EdgeEnds|NodeInputs", said):
        return "; src and dst are no tensors: take src.h and dst.h"
    if found := tensor_hint(said, src.like.shape[1], "src.h"):
        return found
    if "numpy()" in said:
        return "; stay with tensors of torch: nothing is learned through numpy"
    if "in-place" in said:
        return "; inputs must not be changed: write x = x * y instead of x *= y"
    if isinstance(problem, TypeError) and re.search(r"(message|forward|reduce)\(\) .*positional arg", said):
        return "; the hooks are message(self, src, dst, edge) and forward(self, relation, src, dst)"
    if "NoneType" in said and (src.present is None or dst.present is None):
        return "; present is None where a tower or node type has no modality"
    return _of_shapes(said, relation, src)


def tensor_hint(said: str, dim: int, x: str) -> str:
    """What may help against an error of torch's in any plug-in; empty if nothing comes to mind.

    :param dim: size of the representations.
    :param x: what the plug-in calls a tensor that it is given.
    """
    if "device" in said.lower() or "meta" in said:
        return device_hint(x)
    if "dtype" in said or "scalar type" in said:
        return f"; bring both sides to one dtype, with .to({x}.dtype)"
    if "shapes cannot be multiplied" in said:
        return (
            f"; representations have dim = {dim} columns: make layers from dim, such as nn.Linear(dim, dim)"
        )
    return ""


def device_hint(x: str) -> str:
    """How a plug-in keeps its tensors on one device; ``x`` is what it calls a tensor that it is given."""
    return (
        f"; make tensors where the inputs are, with {x}.new_zeros(...) or device={x}.device, and register constants with "
        "self.register_buffer"
    )


def _of_the_given(problem: AttributeError, relation: RelationBlock) -> str:
    """What there is instead of an attribute that there is not."""
    if isinstance(problem.obj, Mapping):
        known = list(relation.edge)
        if problem.name in known:
            return f'; write edge["{problem.name}"]'
        return f"; the edges of {relation.edge_type} have the attributes: {', '.join(known) or 'none'}"
    called = _GIVEN.get(type(problem.obj))
    if called is None:
        return ""
    names = _public(problem.obj)
    return f"; {called}: {', '.join(names)}{did_you_mean(str(problem.name), names)}"


def _public(given: Any) -> list[str]:
    fields = [*getattr(type(given), "__dataclass_fields__", ()), *vars(type(given))]
    return [name for name in dict.fromkeys(fields) if not name.startswith("_") and name not in _INSIDE]


def _of_shapes(said: str, relation: RelationBlock, src: NodeInputs) -> str:
    """What to do about shapes that do not fit each other."""
    dim = src.h.shape[1]
    if "must match the size of tensor" in said:
        return (
            f"; here are {relation.num_edges} edges, {relation.num_src} sources, {relation.num_dst} destinations and {dim} "
            'dimensions: what has one number an edge or node, such as edge["weight"], becomes a column by [:, None]'
        )
    if re.search(r"index (\d+|out of range)", said):
        return (
            "; relation.src_index counts the rows of src.h and relation.dst_index those of dst.h, of which there are "
            f"{relation.num_src} and {relation.num_dst}"
        )
    return ""


def message_hint(shape: tuple[int, ...], num_edges: int, dim: int) -> str:
    """How messages of another shape than ``(num_edges, dim)`` become such."""
    if shape == (num_edges,):
        return ": one row an edge and dim columns, so multiply src.h by a column, x[:, None], and do not sum over dimensions"
    if shape == (num_edges, 1):
        return ": one row an edge and dim columns, so multiply src.h by this column"
    if shape[:1] == (num_edges,):
        return ": one row an edge and dim columns; messages of another size need a reduce(self, relation, messages)"
    return ": one row an edge"
