"""What an encoder is checked on: small blocks of every shape, with inputs that are the same every time."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hetmusic.errors import ConfigError
from hetmusic.graph.types import EdgeType
from hetmusic.relations import NodeInputs, RelationBlock, RelationEncoder, relation_encoders
from hetmusic.relations.calling import call_encoder
from hetmusic.relations.learned import contains_itself

LIKED_BY = EdgeType("song", "liked_by", "user")
FRIENDS = EdgeType("user", "friends", "user")


@dataclass(frozen=True)
class Sample:
    """One call of an encoder."""

    block: RelationBlock
    src: NodeInputs
    dst: NodeInputs

    def run(self, encoder: RelationEncoder) -> Tensor:
        """Call the encoder."""
        result: Tensor = encoder(self.block, self.src, self.dst)
        return result

    def with_inputs(self, src: Tensor, dst: Tensor) -> Sample:
        """The same edges between other representations."""
        return Sample(
            self.block,
            NodeInputs(src, self.src.present, self.src.degree),
            NodeInputs(dst, self.dst.present, self.dst.degree),
        )

    def leaves(self, dtype: torch.dtype = torch.float32, scale: float = 1.0) -> Sample:
        """The same call, whose representations collect gradients."""
        src, dst = ((scale * part.h.detach()).to(dtype).requires_grad_() for part in (self.src, self.dst))
        return self.with_inputs(src, dst)


@dataclass(frozen=True)
class EncoderCase:
    """An encoder to check: how to make it, and samples for it.

    :param spec: whatever the resolver takes: name, ``module:Class``, class or instance.
    :param arguments: for its constructor, beside ``dim``.
    :param dim: size of the representations; that of an instance is its own.
    """

    spec: Any
    arguments: Mapping[str, Any] = field(default_factory=dict)
    dim: int = 8

    def __post_init__(self) -> None:
        if isinstance(self.spec, RelationEncoder):  # it has its size
            object.__setattr__(self, "dim", self.spec.dim)

    def __str__(self) -> str:
        if isinstance(self.spec, str):
            return f"relation encoder {self.spec}"
        return f"relation encoder {getattr(self.spec, '__name__', type(self.spec).__name__)}"

    def make(self, seed: int = 0) -> RelationEncoder:
        """A new encoder whose weights depend on the seed alone."""
        if isinstance(self.spec, RelationEncoder):
            return copy.deepcopy(self.spec)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return relation_encoders.make(self.spec, dim=self.dim, **self.arguments)

    def try_out(self) -> None:
        """Make an encoder and call it once, as training does: what fails here would fail almost every check.

        :raises UserError: if it cannot be made or called; with the traceback, where it is the encoder's own.
        """
        sample, encoder = self.sample().leaves(), self.make()
        if found := contains_itself(encoder):
            raise ConfigError(f"{self} of {sample.block.edge_type}: {found}")
        learned = {id(parameter) for parameter in encoder.parameters()}
        call_encoder(encoder, sample.block, sample.src, sample.dst, learned=learned)

    def sample(
        self,
        num_src: int = 6,
        num_dst: int = 5,
        num_edges: int = 12,
        seed: int = 0,
        edge_type: EdgeType = LIKED_BY,
    ) -> Sample:
        """Distinct random edges with weight, time and age; every representation is different."""
        generator = torch.Generator().manual_seed(seed)
        codes = torch.randperm(num_src * num_dst, generator=generator)[:num_edges]
        block = RelationBlock.from_coo(
            edge_type,
            codes % num_src,
            codes // num_src,
            num_src,
            num_dst,
            attributes(len(codes), generator),
        )
        return self.on(block, seed)

    def on(self, block: RelationBlock, seed: int = 0) -> Sample:
        """Random representations for a block."""
        generator = torch.Generator().manual_seed(1000 + seed)
        src = torch.randn(block.num_src, self.dim, generator=generator)
        # a relation among nodes of one type has its destinations among its sources
        same = block.edge_type.src == block.edge_type.dst and block.num_dst <= block.num_src
        dst = (
            src[: block.num_dst] if same else torch.randn(block.num_dst, self.dim, generator=generator) + 0.1
        )
        return Sample(block, NodeInputs(src, None, block.src_degree), NodeInputs(dst, None, block.dst_degree))


def attributes(num_edges: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Edge attributes as a graph has them: number of plays, days since 1970, days before the newest edge."""
    weight = (torch.rand(num_edges, generator=generator) * 50).round() + 1
    time = 14_000 + 900 * torch.rand(num_edges, generator=generator)
    age = time.max() - time if num_edges else time
    return {"weight": weight, "time": time, "age": age}
