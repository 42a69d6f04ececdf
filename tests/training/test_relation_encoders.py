"""Training with encoders of every kind, also those that share parameters and convolutions of DGL."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hetmusic.fitting import fit, resume
from hetmusic.relations import relation_encoders
from hetmusic.training import load_config
from hetmusic.training.checkpoint import load_weights, save_weights

FAST = ("model.dim=8", "training.batch_size=8", "training.lr=0.05")
MIXED = (
    'relations.liked_by.encoder="dgl.nn.pytorch:GATv2Conv"',
    "relations.liked_by.num_heads=2",
    "relations.liked_by.share_weights=true",
    'relations.friends.encoder="hgt"',
    'relations.genre_of.encoder="rgcn"',
    'relations.likes.encoder="rgcn"',
)


def config(*overrides):
    return load_config(overrides=[*FAST, *overrides])


def embeddings(run):
    return [(run.path / "embeddings" / f"{side}.npy").read_bytes() for side in ("user", "item")]


@pytest.mark.parametrize("propagation", ["full", "sampled"])
def test_resume_is_exact_with_shared_and_tied_parameters(graph, tmp_path, propagation):
    settings = (*MIXED, f"training.propagation={propagation}")
    whole = fit(graph, config(*settings, "training.epochs=3"), tmp_path / "whole")
    fit(graph, config(*settings, "training.epochs=1"), tmp_path / "parts")
    assert embeddings(resume(tmp_path / "parts", epochs=3)) == embeddings(whole)


@pytest.mark.parametrize("name", sorted(relation_encoders.classes))
def test_every_encoder_learns_two_communities(graph, tmp_path, name):
    """Users like 10 of the 15 artists of their own community; which artists are left for the others is half the lists."""
    settings = (f"relations.{relation}.encoder={name}" for relation in ("liked_by", "likes"))
    run = fit(graph, config(*settings, "training.epochs=10"), tmp_path / "run")
    own = [
        (int(user[1:]) % 2 == 0) == (int(found.item_key[1:]) < 15)
        for user, items in run.recommend(run.user_keys, k=3).items()
        for found in items
    ]
    assert sum(own) / len(own) > 0.85


def test_tied_weights_are_saved_and_read(tmp_path):
    layer = nn.Linear(3, 3)
    model, other = (nn.ModuleList([one, nn.Linear(2, 2), one]) for one in (layer, nn.Linear(3, 3)))
    save_weights(tmp_path / "weights.safetensors", model)
    load_weights(tmp_path / "weights.safetensors", other)
    assert torch.equal(other[0].weight, layer.weight)
    assert other[0] is other[2]
