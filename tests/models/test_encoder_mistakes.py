"""A person's mistakes in an encoder: each an error that names the encoder, the relation and what to do."""

from __future__ import annotations

import logging
import re

import pytest
import torch
from torch import nn

from hetmusic.errors import ConfigError, PluginError
from hetmusic.graph import EdgeType
from hetmusic.models import HeteroConv
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder, calling, relation_encoders
from tests.blocks import LIKED_BY, inputs, random_block

BLOCK = random_block(6, 5, 9)
LIKES_TOO = EdgeType("song", "played_by", "user")
H = {"song": inputs(6, 4), "user": inputs(5, 4, seed=2)}
NAMED = f"of {LIKED_BY} (layer 1)"


def run(encoder, block=BLOCK):
    return HeteroConv({LIKED_BY: encoder}, 4)({LIKED_BY: block}, H, {"user": 5})["user"]


class SourceRows(RelationEncoder):
    def forward(self, relation, src, dst):
        return src.h


class EdgeRows(RelationEncoder):
    def forward(self, relation, src, dst):
        return src.h[relation.src_index]


class FewerColumns(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h[:, :2]


class NumbersByEdge(RelationEncoder):
    def message(self, src, dst, edge):
        return edge["weight"]


class OneColumn(RelationEncoder):
    def message(self, src, dst, edge):
        return (src.h * dst.h).sum(dim=1, keepdim=True)


class Transposed(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h.T


class Nothing(RelationEncoder):
    def message(self, src, dst, edge):
        src.h * 2  # and no return


class NoColumnOfIt(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * edge["weight"]


class OtherSize(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.layer = nn.Linear(7, dim)

    def message(self, src, dst, edge):
        return self.layer(src.h)


class LikeDgl(RelationEncoder):
    def message(self, src, dst, edge):
        return src.feat


class Misspelt(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * src.degre[:, None]


class LikeDglEdges(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * edge.weight[:, None]


class NoSuchEdges(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * edge.rating[:, None]


class EndsAsTensors(RelationEncoder):
    def message(self, src, dst, edge):
        return torch.cat([src, dst], dim=1)


class OfTheRelation(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.summ(src.h)


class SumOfEdges(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h[relation.src_index])


class SumOfNodes(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum_edges(src.h)


class DotTheOtherWay(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h, relation.dot(src.h, dst.h))


class FlatSoftmax(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h, relation.softmax(relation.dot(dst.h, src.h)))


class MixedIndices(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum_edges(dst.h[relation.src_index])


class NoColumns(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h.sum()


class NotATensor(RelationEncoder):
    def forward(self, relation, src, dst):
        return [dst.h]


class OtherDtype(RelationEncoder):
    def forward(self, relation, src, dst):
        return dst.h.double()


class MixedDtypes(RelationEncoder):
    def forward(self, relation, src, dst):
        return src.h.new_zeros(5, 4).index_add(0, relation.dst_index, src.h.double()[relation.src_index])


class OtherDevice(RelationEncoder):
    def forward(self, relation, src, dst):
        return dst.h.to("meta")


class MixedDevices(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) * torch.ones(5, 1, device="meta")


class InPlace(RelationEncoder):
    def forward(self, relation, src, dst):
        src.h.mul_(2)
        return relation.sum(src.h)


class EdgeInPlace(RelationEncoder):
    def message(self, src, dst, edge):
        edge["weight"] *= 2
        return src.h


class LeafInPlace(RelationEncoder):
    def forward(self, relation, src, dst):
        src.h.requires_grad_().mul_(2)
        return relation.sum(src.h)


class NewEdgeAttribute(RelationEncoder):
    def message(self, src, dst, edge):
        edge["twice"] = 2 * edge["weight"]
        return src.h


class LateParameters(RelationEncoder):
    def forward(self, relation, src, dst):
        if not hasattr(self, "layer"):
            self.layer = nn.Linear(4, 4)
        return relation.sum(self.layer(src.h))


class NoSuchAttribute(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * edge["age"][:, None]


class NoMask(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h * src.present.float()[:, None]


class WrongSignature(RelationEncoder):
    def message(self, src, edge):
        return src.h


class NoHook(RelationEncoder):
    pass


class Fails(RelationEncoder):
    def forward(self, relation, src, dst):
        return 1 / 0


@pytest.mark.parametrize(
    ("encoder", "what", "fix"),
    [
        (SourceRows, "returned (6, 4), expected (5, 4)", "one row a destination node, dim columns"),
        (
            EdgeRows,
            "returned (9, 4), expected (5, 4), and that is one row an edge",
            "self.reduce(relation, messages)",
        ),
        (
            FewerColumns,
            "message() returned (9, 2), expected (9, 4)",
            "need a reduce(self, relation, messages)",
        ),
        (NumbersByEdge, "message() returned (9,), expected (9, 4)", "multiply src.h by a column, x[:, None]"),
        (OneColumn, "message() returned (9, 1), expected (9, 4)", "multiply src.h by this column"),
        (Transposed, "message() returned (4, 9), expected (9, 4)", "one row an edge"),
        (Nothing, "message() returned NoneType, expected (9, 4)", "one row an edge"),
        (NoColumns, "message() returned (), expected (9, 4)", "one row an edge"),
        (NotATensor, "returned a list", "expected a tensor of shape (5, 4)"),
        (OtherDtype, "returned torch.float64, expected torch.float32", "end with .to(src.h.dtype)"),
        (OtherDevice, "returned a tensor on meta, given tensors on cpu", "device=src.h.device"),
        (InPlace, "changed src.h in place", "write x = x * y instead of x *= y"),
        (EdgeInPlace, "changed edge['weight'] in place", "write x = x * y instead of x *= y"),
        (NewEdgeAttribute, "changed the edge attributes in place", "write x = x * y"),
        (LateParameters, "made parameters while it was called", "make them in __init__"),
    ],
)
def test_broken_contract(encoder, what, fix):
    block = random_block(6, 5, 9)
    with torch.no_grad(), pytest.raises(ConfigError) as problem:
        HeteroConv({LIKED_BY: encoder(4)}, 4)(
            {LIKED_BY: block}, {"song": inputs(6, 4), "user": inputs(5, 4)}, {"user": 5}
        )
    said = str(problem.value)
    assert said.startswith(f"relation encoder {encoder.__name__} {NAMED}")
    assert what in said
    assert fix in said


@pytest.mark.parametrize(
    ("encoder", "what", "fix"),
    [
        (MixedDtypes, "RuntimeError", "bring both sides to one dtype"),
        (MixedDevices, "RuntimeError", "make tensors where the inputs are"),
        (LeafInPlace, "in-place operation", "inputs must not be changed"),
        (NoSuchAttribute, "KeyError: 'age'", "have the attributes: weight"),
        (NoMask, "'NoneType' object has no attribute 'float'", "present is None where"),
        (WrongSignature, "positional argument", "the hooks are message(self, src, dst, edge)"),
        (NoHook, "NoHook must implement message() or forward()", ""),
        (NoColumnOfIt, "RuntimeError", 'such as edge["weight"], becomes a column by [:, None]'),
        (OtherSize, "mat1 and mat2 shapes cannot be multiplied", "dim = 4 columns: make layers from dim"),
        (LikeDgl, "no attribute 'feat'", "src and dst have: h, present, degree"),
        (Misspelt, "no attribute 'degre'", "(did you mean 'degree'?)"),
        (LikeDglEdges, "no attribute 'weight'", 'write edge["weight"]'),
        (NoSuchEdges, "no attribute 'rating'", "have the attributes: weight, time"),
        (EndsAsTensors, "TypeError", "src and dst are no tensors: take src.h and dst.h"),
        (OfTheRelation, "no attribute 'summ'", "(did you mean 'sum'?)"),
        (SumOfEdges, "relation.sum takes one row a source node, which are 6, and got 9", ""),
        (SumOfNodes, "relation.sum_edges takes one row an edge, which are 9, and got 6", ""),
        (DotTheOtherWay, "relation.dot takes one row a destination node (first), which are 5, and got 6", ""),
        (FlatSoftmax, "not (9,): for one head, scores[:, None]", ""),
        (MixedIndices, "IndexError", "of which there are 6 and 5"),
        (Fails, "ZeroDivisionError: division by zero", ""),
    ],
)
def test_errors_inside_are_shown_with_their_traceback(encoder, what, fix):
    with pytest.raises(PluginError) as problem:
        HeteroConv({LIKED_BY: encoder(4)}, 4)(
            {LIKED_BY: BLOCK}, {"song": inputs(6, 4), "user": inputs(5, 4)}, {"user": 5}
        )
    said = str(problem.value)
    assert said.startswith(f"relation encoder {encoder.__name__} {NAMED} failed: ")
    assert what in said
    assert fix in said
    assert problem.value.__cause__ is not None
    if encoder not in (NoHook, WrongSignature):
        assert "test_encoder_mistakes.py" in problem.value.trace
        assert re.search(r"test_encoder_mistakes\.py, line \d+\)", said), "a line of one's own, not of torch"


def test_not_a_relation_encoder():
    with pytest.raises(ConfigError) as problem:
        HeteroConv({LIKED_BY: nn.Linear(4, 4)}, 4)
    assert f"the encoder of {LIKED_BY} is a Linear, not a RelationEncoder" in str(problem.value)


def test_parameters_without_shape():
    class Lazy(RelationEncoder):
        def __init__(self, dim):
            super().__init__(dim)
            self.layer = nn.LazyLinear(dim)

    with pytest.raises(
        ConfigError, match=r"Lazy of .* has parameters without shape \(layer.weight, layer.bias\)"
    ):
        HeteroConv({LIKED_BY: Lazy(4)}, 4)


@pytest.mark.parametrize(
    ("name", "value"), [("reduce", nn.Linear(4, 4)), ("share", True), ("message", "mean")]
)
def test_attributes_called_like_a_method(name, value):
    class Hides(RelationEncoder):
        def __init__(self, dim):
            super().__init__(dim)
            setattr(self, name, value)

        def forward(self, relation, src, dst):
            return relation.sum(src.h)

    with pytest.raises(
        ConfigError, match=rf"Hides of .*: self.{name} is a method of RelationEncoder; .* another one"
    ):
        HeteroConv({LIKED_BY: Hides(4)}, 4)


def test_under_autocast_the_representations_stay_in_single_precision():
    class Projected(RelationEncoder):
        def __init__(self, dim):
            super().__init__(dim)
            self.layer = nn.Linear(dim, dim)

        def forward(self, relation, src, dst):
            return self.layer(relation.sum(src.h))

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert run(Projected(4)).dtype == torch.float32


def test_an_own_reduction():
    """The largest message of each dimension; nothing for a destination without edges."""

    class Largest(RelationEncoder):
        def message(self, src, dst, edge):
            return src.h + dst.h

        def reduce(self, relation, messages):
            rows = relation.dst_index[:, None].expand_as(messages)
            out = messages.new_full((relation.num_dst, self.dim), float("-inf"))
            out = out.scatter_reduce(0, rows, messages, reduce="amax")
            return torch.where(relation.in_degree[:, None] > 0, out, 0.0)

    block = RelationBlock.from_coo(LIKED_BY, torch.tensor([0, 1, 2]), torch.tensor([0, 0, 3]), 6, 5)
    out = run(Largest(4), block)
    song, user = H["song"].h, H["user"].h
    assert torch.allclose(out[0], torch.maximum(song[0], song[1]) + user[0])
    assert torch.allclose(out[3], song[2] + user[3])
    assert out[1].tolist() == [0, 0, 0, 0]


class LayerInMessage(RelationEncoder):
    def message(self, src, dst, edge):
        return nn.Linear(4, 4)(src.h)


class ParameterInForward(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) * nn.Parameter(torch.ones(4))


SOMEWHERE = nn.Linear(4, 4)


class LayerOfTheModule(RelationEncoder):
    def message(self, src, dst, edge):
        return SOMEWHERE(src.h)


class ReturnsItsOwn(RelationEncoder):
    def forward(self, relation, src, dst):
        return torch.ones(5, 4, requires_grad=True)


def called(encoder, times=1):
    h = {"song": inputs(6, 4), "user": inputs(5, 4)}
    h["song"].h.requires_grad_()
    conv = HeteroConv({LIKED_BY: encoder}, 4)
    return [conv({LIKED_BY: BLOCK}, h, {"user": 5})["user"] for _ in range(times)][-1]


@pytest.mark.parametrize(
    ("encoder", "what"),
    [
        (LayerInMessage, "Linear.weight of shape (4, 4)"),
        (ParameterInForward, "an nn.Parameter of shape (4,)"),
        (LayerOfTheModule, "an nn.Parameter of shape (4, 4)"),
        (ReturnsItsOwn, "a tensor that asks for a gradient of shape (5, 4)"),
    ],
)
def test_what_is_made_while_an_encoder_is_called_would_never_be_learned(encoder, what):
    with pytest.raises(ConfigError) as problem:
        called(encoder(4))
    said = str(problem.value)
    assert said.startswith(f"relation encoder {encoder.__name__} {NAMED} computes with ")
    assert what in said
    assert "make layers and nn.Parameter in __init__" in said


class TensorThatAsks(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.w = torch.ones(dim, requires_grad=True)

    def message(self, src, dst, edge):
        return src.h * self.w


class TensorInAPart(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.part = nn.Identity()
        self.part.w = torch.ones(dim, requires_grad=True)

    def message(self, src, dst, edge):
        return src.h * self.part.w


class BufferThatAsks(TensorThatAsks):
    def __init__(self, dim):
        RelationEncoder.__init__(self, dim)
        self.register_buffer("w", torch.ones(dim, requires_grad=True))


class ComputedOnce(TensorThatAsks):
    def __init__(self, dim):
        RelationEncoder.__init__(self, dim)
        self.start = nn.Parameter(torch.ones(dim))
        self.w = 2 * self.start


class LayersInAList(RelationEncoder):
    def __init__(self, dim):
        super().__init__(dim)
        self.layers = [nn.Linear(dim, dim)]

    def message(self, src, dst, edge):
        return self.layers[0](src.h)


class LayersInATable(LayersInAList):
    def __init__(self, dim):
        RelationEncoder.__init__(self, dim)
        self.layers = {0: {"a": (nn.Parameter(torch.ones(dim)),)}}


@pytest.mark.parametrize(
    ("encoder", "what", "fix"),
    [
        (TensorThatAsks, "self.w asks for a gradient but is no parameter", "make it with nn.Parameter(...)"),
        (
            TensorInAPart,
            "self.part.w asks for a gradient but is no parameter",
            "make it with nn.Parameter(...)",
        ),
        (BufferThatAsks, "self.w is a buffer, which is never learned", "make it with nn.Parameter(...)"),
        (ComputedOnce, "self.w was computed from parameters in __init__", "compute it in message or forward"),
        (LayersInAList, "self.layers is a list", "use nn.ModuleList"),
        (LayersInATable, "self.layers is a dict", "use nn.ModuleList, nn.ModuleDict or nn.ParameterList"),
    ],
)
def test_what_looks_learned_but_is_not_is_found_when_it_is_made(encoder, what, fix):
    with pytest.raises(ConfigError) as problem:
        HeteroConv({LIKED_BY: encoder(4)}, 4)
    said = str(problem.value)
    assert said.startswith(f"relation encoder {encoder.__name__} of {LIKED_BY}: {what}")
    assert fix in said


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_what_is_learned_after_all_is_left_alone():
    """Layers that are listed twice, weights that a hook makes, constants, and what an encoder took on purpose."""

    class Fine(RelationEncoder):
        def __init__(self, dim):
            super().__init__(dim)
            self.layer = nn.utils.weight_norm(nn.Linear(dim, dim))
            self.recurrent = nn.GRU(dim, dim)
            self.all = [self.layer, {"again": self.recurrent}]
            self.constant = torch.ones(dim)
            self.names = ["a", "b"]
            self.frozen = [nn.Linear(dim, dim).requires_grad_(False)]

        def message(self, src, dst, edge):
            made_here = nn.Linear(4, 4)(src.h).detach()  # of no use, but of no harm either
            return self.frozen[0](self.recurrent(self.layer(src.h))[0] * self.constant) + 0 * made_here

    called(Fine(4), times=2).sum().backward()


def test_borrowed_layers_are_learned_by_their_lender():
    one, two = OtherSize(4), OtherSize(4)
    for encoder in (one, two):
        encoder.layer = nn.Linear(4, 4)
    two.borrow("layer", one)
    conv = HeteroConv({LIKED_BY: one, LIKES_TOO: two}, 4)
    blocks = {LIKED_BY: BLOCK, LIKES_TOO: random_block(6, 5, 9, edge_type=LIKES_TOO)}
    conv(blocks, {"song": inputs(6, 4), "user": inputs(5, 4)}, {"user": 5})


class Quotient(RelationEncoder):
    def forward(self, relation, src, dst):
        return relation.sum(src.h) / relation.in_degree[:, None]


class Infinite(RelationEncoder):
    def message(self, src, dst, edge):
        return src.h / (0 * edge["weight"])[:, None]


@pytest.mark.parametrize(("encoder", "bad", "without"), [(Quotient, 3, 3), (Infinite, 2, 0)])
def test_numbers_that_are_none_are_told_before_a_loss_is(encoder, bad, without):
    edge = {"weight": torch.ones(3)}
    block = RelationBlock.from_coo(LIKED_BY, torch.tensor([0, 1, 2]), torch.tensor([0, 0, 3]), 6, 5, edge)
    with pytest.raises(ConfigError) as problem:
        run(encoder(4), block)
    said = f"returned NaN or infinity for {bad} of 5 destinations, of which {without} have no edges, from inputs that are"
    assert said in str(problem.value)
    nan = {"song": NodeInputs(torch.full((6, 4), torch.nan)), "user": inputs(5, 4)}
    HeteroConv({LIKED_BY: encoder(4)}, 4)({LIKED_BY: block}, nan, {"user": 5})  # not the encoder's fault


class NoGradient(OtherSize):
    def __init__(self, dim):
        super().__init__(dim)
        self.layer = nn.Linear(dim, dim)

    def message(self, src, dst, edge):
        with torch.no_grad():
            return self.layer(src.h)


class Unused(NoGradient):
    def message(self, src, dst, edge):
        return src.h


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (
            NoGradient,
            "its result has no gradient (torch.no_grad, detach or numpy?), so that nothing learns through it",
        ),
        (Unused, "its result does not depend on layer.weight, layer.bias, so that they are never learned"),
    ],
)
def test_what_is_never_learned_is_warned_of_once(encoder, said, caplog):
    calling._warn.cache_clear()
    with caplog.at_level(logging.WARNING, "hetmusic"):
        for _ in range(2):  # layers
            called(encoder(4), times=2)
    assert [record.getMessage() for record in caplog.records] == [
        f"relation encoder {encoder.__name__} of {LIKED_BY}: {said}"
    ]


@pytest.mark.parametrize(
    "spec", [*relation_encoders.classes, "dgl.nn.pytorch:GATv2Conv", "dgl.nn.pytorch:SAGEConv"]
)
def test_nothing_is_wrong_with_encoders_that_come_along(spec, caplog):
    needed = {
        "dgl.nn.pytorch:GATv2Conv": {"num_heads": 2},
        "dgl.nn.pytorch:SAGEConv": {"aggregator_type": "mean"},
    }
    calling._warn.cache_clear()
    with caplog.at_level(logging.WARNING, "hetmusic"):
        called(relation_encoders.make(spec, dim=4, **{"heads": 2} if spec == "gat" else needed.get(spec, {})))
    assert caplog.records == []


def test_only_the_first_call_with_gradients_is_looked_at_closely(monkeypatch):
    looked = []
    monkeypatch.setattr(calling, "unlearned_leaves", lambda *given: looked.append(1) or "")
    called(LayerInMessage(4), times=3)
    assert len(looked) == 1
    with torch.no_grad():
        called(LayerInMessage(4))
    assert len(looked) == 1
