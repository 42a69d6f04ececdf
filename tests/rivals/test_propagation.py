"""What the graph models make of their tables, against dense numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hetmusic.rivals import recommenders
from hetmusic.rivals.lattice import edge_weights, resembling
from hetmusic.rivals.mhcn import mutual_information_loss
from tests.rivals.problems import make_problem
from tests.rivals.test_motifs import table_2

PAIRS = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (3, 0), (4, 4)]
USERS, ITEMS, DIM = 6, 6, 3
#: user 5 and item 5 have no interaction in training; item 3 is validated on
X = np.zeros((USERS, ITEMS))
X[tuple(np.transpose(PAIRS))] = 1
FRIENDS = [(0, 1), (0, 2), (1, 2), (2, 3), (4, 5)]
#: item 0 lacks audio, item 4 text and item 5 both
CONTENT = {
    "audio": {1: [1.0, 0.0], 2: [1.0, 0.5], 3: [0.0, 1.0], 4: [-1.0, 0.2]},
    "text": {0: [1.0, 0.0, 0.1], 1: [0.9, 0.4, 0.0], 2: [0.0, 1.0, 1.0], 3: [0.2, 0.8, 1.0]},
}


@pytest.fixture
def problem(tmp_path):
    return make_problem(
        tmp_path / "g", PAIRS, valid=[(5, 3)], users=USERS, artists=ITEMS, friends=FRIENDS, content=CONTENT
    )


def build(problem, name, **settings):
    """A model with settings, its parameters drawn anew so that none is zero, and what it makes of them."""
    torch.manual_seed(0)
    model = recommenders.make(name, dim=DIM, device="cpu", **settings).build(problem, torch.device("cpu"))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    model.eval()
    model.start_epoch()
    made = model.embeddings()
    return model, made.users.detach().numpy(), made.items.detach().numpy()


def values(*tensors):
    return [tensor.detach().numpy().astype(np.float64) for tensor in tensors]


def normalised(x):
    """D^-1/2 X D^-1/2, users × items."""
    rows, columns = np.maximum(x.sum(axis=1), 1), np.maximum(x.sum(axis=0), 1)
    return x / np.sqrt(np.outer(rows, columns))


def adjacency(x):
    """The symmetric adjacency matrix of users and items together."""
    zeros = np.zeros
    return np.block([[zeros((len(x), len(x))), x], [x.T, zeros((x.shape[1], x.shape[1]))]])


def leaky(x, slope):
    return np.where(x > 0, x, slope * x)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_lightgcn(problem):
    model, users, items = build(problem, "lightgcn", layers=3)
    e = np.concatenate(values(model.user_table, model.item_table))
    a = adjacency(normalised(X))
    expected = sum(np.linalg.matrix_power(a, layer) @ e for layer in range(4)) / 4
    assert_close(np.concatenate([users, items]), expected)


def test_ngcf(problem):
    """Eq. 7: E' = LeakyReLU((L + I) E W1 + L E * E W2)."""
    model, users, items = build(problem, "ngcf", layers=2, dropout=0.5)
    e = np.concatenate(values(model.user_table, model.item_table))
    laplacian = adjacency(normalised(X))
    outputs = [e]
    for encoder in model.encoders:
        w1, w2 = values(encoder.plain.weight, encoder.affinity.weight)
        e = leaky((laplacian + np.eye(len(e))) @ e @ w1.T + (laplacian @ e * e) @ w2.T, 0.2)
        outputs.append(unit(e))
    assert_close(np.concatenate([users, items]), np.concatenate(outputs, axis=1))


def test_ngcf_drops_messages_in_training_only(problem):
    model, users, _ = build(problem, "ngcf", layers=1, dropout=0.9)
    model.train()
    dropped = model.embeddings().users[:, DIM:]
    assert (dropped == 0).float().mean() > 0.5
    assert (users[:, DIM:] != 0).all()


@pytest.mark.parametrize("combination", ["concat", "add"])
def test_mmgcn(problem, combination):
    model, users, items = build(problem, "mmgcn", layers=2, combination=combination, scaling="none")
    means = adjacency(X)
    means = means / np.maximum(means.sum(axis=1, keepdims=True), 1)
    ids = np.concatenate(values(model.user_table, model.item_table))
    total = np.zeros_like(ids)
    for graph, vectors in zip(model.graphs, (CONTENT["audio"], CONTENT["text"]), strict=True):
        project, preferences = values(graph.project.weight, graph.preferences)
        start = np.zeros((ITEMS, DIM))
        for item, vector in vectors.items():
            start[item] = project @ vector
        e = np.concatenate([preferences, start])
        for layer in range(2):
            w1, w2, w3 = values(
                graph.arriving[layer].weight, graph.own[layer].weight, graph.join[layer].weight
            )
            h, own = leaky(means @ e @ w1.T, 0.01), leaky(e @ w2.T, 0.01) + ids
            e = leaky(
                np.concatenate([h, own], axis=1) @ w3.T if combination == "concat" else h @ w3.T + own, 0.01
            )
        total += e
    assert_close(np.concatenate([users, items]), total)


def nearest_graph(vectors, k, weigh_by=None):
    """D^-1/2 S D^-1/2 of the k nearest by cosine, dense; rows are who hears."""
    s = np.zeros((ITEMS, ITEMS))
    rows, weights = unit(vectors), unit(vectors if weigh_by is None else weigh_by)
    has = np.flatnonzero(np.abs(vectors).sum(axis=1))
    for item in has:
        for other in sorted(has, key=lambda j: -(rows[item] @ rows[j]))[:k]:
            s[item, other] = max(weights[item] @ weights[other], 0)
    degree = s.sum(axis=1)
    scale = np.where(degree > 0, degree, 1) ** -0.5
    return s * np.outer(scale, scale)


def test_lattice(problem):
    model, users, items = build(
        problem, "lattice", layers=2, item_layers=2, neighbours=2, frozen_share=0.7, scaling="none"
    )
    user_ids, item_ids = values(model.user_table, model.item_table)
    a = adjacency(normalised(X))
    e = np.concatenate([user_ids, item_ids])
    light = sum(np.linalg.matrix_power(a, layer) @ e for layer in range(3)) / 3
    (importance,) = values(model.importance)
    shares = np.exp(importance) / np.exp(importance).sum()
    mixed = np.zeros((ITEMS, ITEMS))
    for share, graph, vectors in zip(shares, model.graphs, CONTENT.values(), strict=True):
        features, learned = np.zeros((ITEMS, len(vectors[1]))), np.zeros((ITEMS, 64))
        w, b = values(graph.project.weight, graph.project.bias)
        for item, vector in vectors.items():
            features[item], learned[item] = vector, w @ vector + b
        mixed += share * (0.7 * nearest_graph(features, 2) + 0.3 * nearest_graph(learned, 2))
    h = mixed @ mixed @ item_ids
    assert not h[5].any()
    assert_close(users, light[:USERS])
    assert_close(items, light[USERS:] + unit(h))


def test_lattice_learns_its_graph(problem):
    """The weights of the learned graph's edges have gradients; its edges are found anew at the start of an epoch."""
    model, _, _ = build(problem, "lattice", neighbours=2, frozen_share=0.5, scaling="none")
    model.embeddings().items.square().sum().backward()
    graph = model.graphs[0]
    assert graph.project.weight.grad.abs().sum() > 0
    before = graph.learned
    with torch.no_grad():
        graph.project.weight.copy_(torch.randn_like(graph.project.weight))
    model.embeddings()
    assert graph.learned is before
    model.start_epoch()
    assert graph.learned is not before


def test_similar_items_by_hand():
    """Items 1, 3, 4 have vectors; 1 and 4 are alike, 3 is opposite to both."""
    vectors = torch.tensor([[1.0, 0.0], [-2.0, 0.0], [1.0, 1.0]])
    block = resembling(vectors, torch.tensor([1, 3, 4]), 5, k=2)
    edges = {(int(d), int(s)) for d, s in zip(block.dst_index, block.src_index, strict=True)}
    assert edges == {(1, 1), (1, 4), (3, 3), (3, 4), (4, 4), (4, 1)}
    rows = torch.zeros(5, 2)
    rows[[1, 3, 4]] = vectors
    dense = torch.zeros(5, 5)
    dense[block.dst_index, block.src_index] = edge_weights(block, rows)
    half = 0.5**0.5
    expected = torch.zeros(5, 5)
    expected[1, 1] = expected[4, 4] = 1 / (1 + half)
    expected[1, 4] = expected[4, 1] = half / (1 + half)
    expected[3, 3] = 1
    torch.testing.assert_close(dense, expected)


def attention(layer, channels):
    w, a = values(layer.project.weight, layer.query)
    scores = np.exp([(c @ w.T) @ a[0] for c in channels])
    return sum(s[:, None] * c for s, c in zip(scores / scores.sum(axis=0), channels, strict=True))


def test_mhcn(problem):
    model, users, items = build(problem, "mhcn", layers=2, min_common=1)
    social = np.zeros((USERS, USERS))
    for one, other in FRIENDS:
        social[one, other] = social[other, one] = 1
    motifs = table_2(social, X)
    channels = [sum(motifs[:7]), motifs[7] + motifs[8], motifs[9]]
    channels = [c / np.where(c.sum(axis=1) > 0, c.sum(axis=1), 1)[:, None] for c in channels]
    user_ids, item = values(model.user_table, model.item_table)

    def gate(module):
        w, b = values(module.linear.weight, module.linear.bias)
        return user_ids / (1 + np.exp(-(user_ids @ w.T + b)))

    hidden, simple = [gate(g) for g in model.gates], gate(model.simple_gate)
    sums, simple_sum, item_sum = list(hidden), simple, item
    r = normalised(X)
    for _ in range(2):
        mixed = attention(model.attention, hidden) + simple / 2
        hidden = [c @ h for c, h in zip(channels, hidden, strict=True)]
        simple, item = r @ item, r.T @ mixed
        sums = [s + unit(h) for s, h in zip(sums, hidden, strict=True)]
        simple_sum, item_sum = simple_sum + unit(simple), item_sum + unit(item)
    assert_close(users, attention(model.attention, sums) + simple_sum / 2)
    assert_close(items, item_sum)


def test_mhcn_supervises_itself_in_training_only(problem):
    model, _, _ = build(problem, "mhcn", ssl_weight=0.5)
    assert model.embeddings().auxiliary is None
    model.train()
    model.embeddings().auxiliary.backward()
    assert all(gate.linear.weight.grad.abs().sum() > 0 for gate in model.ssl_gates)
    silent, _, _ = build(problem, "mhcn", ssl_weight=0)
    silent.train()
    assert silent.embeddings().auxiliary is None


def test_mutual_information_loss():
    """The loss written out with the very permutations that are drawn."""
    p, z = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    torch.manual_seed(4)
    found = mutual_information_loss(p, z)
    torch.manual_seed(4)
    rows, columns, again = torch.randperm(5), torch.randperm(3), torch.randperm(5)
    shuffled, noise, whole = z[rows], z[:, columns][again], z.mean(0)
    expected = 0.0
    for u in range(5):
        own, other, least = p[u] @ z[u], p[u] @ shuffled[u], p[u] @ noise[u]
        for margin in (own - other, other - least, z[u] @ whole - noise[u] @ whole):
            expected -= torch.sigmoid(margin).log() / 5
    torch.testing.assert_close(found, expected)


def test_vbpr(problem):
    """gamma_u · gamma_i + theta_u · E f_i + beta' · f_i + b_i, features of either modality where there are any."""
    model, users, items = build(problem, "vbpr", content_dim=2, scaling="none")
    bias = model.embeddings().item_bias.detach().numpy()
    user_ids, item_ids, theta, item_bias = values(
        model.user_table, model.item_table, model.content_users, model.item_bias
    )
    expected = user_ids @ item_ids.T + item_bias
    for number, vectors in enumerate(CONTENT.values()):
        projection, direction = values(model.projections[number].weight, model.content_bias[number])
        for item, vector in vectors.items():
            expected[:, item] += theta @ projection @ vector + direction @ vector
    assert_close(users @ items.T + bias, expected)


def test_vbpr_regularises_what_reads_content_in_training_only(problem):
    model, _, _ = build(problem, "vbpr", content_dim=2, content_l2=0.5)
    assert model.embeddings().auxiliary is None
    model.train()
    parts = values(*(p.weight for p in model.projections), *model.content_bias)
    assert len(parts) == 4
    assert model.embeddings().auxiliary.item() == pytest.approx(0.25 * sum((x**2).sum() for x in parts))
    silent, _, _ = build(problem, "vbpr", content_l2=0)
    silent.train()
    assert silent.embeddings().auxiliary is None
