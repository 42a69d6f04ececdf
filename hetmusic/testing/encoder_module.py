"""Checks of an encoder as a torch module: its parameters, its state, its randomness, its manners."""

from __future__ import annotations

import torch
from safetensors.torch import load, save
from torch.nn.parameter import UninitializedParameter

from hetmusic.relations.learned import (
    contains_itself,
    idle_parameters,
    noting_parameters,
    unlearned_attributes,
    unlearned_leaves,
)
from hetmusic.testing.contract import require
from hetmusic.testing.encoder_case import EncoderCase
from hetmusic.testing.encoder_contract import encoder_contract


@encoder_contract.check(
    rule="parameters and buffers are made in __init__, with shapes",
    fix="make them in __init__ from dim, and use no Lazy modules: the optimiser never sees what comes later",
)
def parameters_are_made_in_init(case: EncoderCase) -> None:
    """The same names before and after a call, and nothing else that the result asks a gradient for."""
    encoder = case.make()
    within = contains_itself(encoder)
    require(not within, within)
    lazy = [name for name, p in encoder.named_parameters() if isinstance(p, UninitializedParameter)]
    require(not lazy, f"the parameters {', '.join(lazy)} have no shape before the first call")
    stray = unlearned_attributes(encoder)
    require(not stray, stray)
    before, learned = set(encoder.state_dict()), {id(parameter) for parameter in encoder.parameters()}
    sample = case.sample().leaves()
    with noting_parameters() as made:
        out = sample.run(encoder)
    new = sorted(set(encoder.state_dict()) - before)
    require(not new, f"{', '.join(new)} came into being during the first call")
    strange = unlearned_leaves(out, [sample.src.h, sample.dst.h], learned, made)
    require(not strange, f"it {strange}")


@encoder_contract.check(
    rule="the result depends on every parameter",
    fix="use in message or forward what is made in __init__, and not under torch.no_grad or after detach; what is not to be "
    "learned is a buffer, or has requires_grad_(False)",
)
def parameters_are_used(case: EncoderCase) -> None:
    """Which parameters the result was computed from."""
    encoder, sample = case.make(), case.sample().leaves()
    idle = idle_parameters(sample.run(encoder), [sample.src.h, sample.dst.h], encoder)
    require(not idle, f"the result does not depend on {', '.join(idle)}")


@encoder_contract.check(
    rule="weights written to a file and read into a new encoder give the same results",
    fix="keep what is learnt in nn.Parameter and what is fixed in register_buffer, not in plain attributes",
)
def state_dict_round_trip(case: EncoderCase) -> None:
    """Through safetensors, into an encoder that started elsewhere."""
    one, two = case.make(seed=1).eval(), case.make(seed=2).eval()
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.add_(0.05)
    sample = case.sample()
    expected = sample.run(one)
    state = {name: value.detach().clone().contiguous() for name, value in one.state_dict().items()}
    two.load_state_dict(load(save(state)))
    require(torch.equal(expected, sample.run(two)), "results differ after weights were saved and loaded")


@encoder_contract.check(
    rule="the same torch seed gives the same result, and in eval mode every call does",
    fix="draw from torch's generator alone, guard it with `if self.training`, and make no layers inside forward",
)
def deterministic(case: EncoderCase) -> None:
    """Twice in training mode from one seed, twice in eval mode."""
    sample, encoder = case.sample(num_edges=20), case.make()
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(2):
            torch.manual_seed(3)
            drawn.append(sample.run(encoder.train()))
    require(torch.equal(*drawn), "two calls after torch.manual_seed(3) differ in training mode")
    encoder.eval()
    require(torch.equal(sample.run(encoder), sample.run(encoder)), "two calls differ in eval mode")


@encoder_contract.check(
    rule="inputs are not changed: other relations and towers read the same tensors",
    fix="replace in-place operations on src.h, dst.h and edge[...] (+=, *=, names ending in _) by ordinary ones",
)
def inputs_stay_as_they_are(case: EncoderCase) -> None:
    """Representations and edge attributes before and after a call."""
    sample, encoder = case.sample(), case.make()
    block = sample.block
    parts = {"src.h": sample.src.h, "dst.h": sample.dst.h, "src.degree": sample.src.degree}
    parts |= {"dst.degree": sample.dst.degree, "relation.in_degree": block.in_degree}
    parts |= {f"edge[{name!r}]": value for name, value in block.edge.items()}
    pairs = {name: (part, part.clone()) for name, part in parts.items() if part is not None}
    sample.run(encoder)
    for name, (part, before) in pairs.items():
        require(torch.equal(part, before), f"{name} was changed in place")
    require(set(block.edge) == {"weight", "time", "age"}, "attributes were added to or taken from the edges")
