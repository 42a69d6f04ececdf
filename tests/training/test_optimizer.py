"""Sparse updates against dense ones."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from hetmusic.models.inputs import IdInput
from hetmusic.training.averaging import WeightAverage
from hetmusic.training.optimizer import RowAdam, distinct_rows, touched_rows, use_sparse_gradients


def tables(rows: int = 12, dim: int = 3) -> tuple[IdInput, IdInput]:
    """Two equal tables, the first with sparse gradients."""
    torch.manual_seed(0)
    first, second = IdInput(rows, dim), IdInput(rows, dim)
    second.load_state_dict(first.state_dict())
    use_sparse_gradients(first, True)
    return first, second


def loss_of(table: IdInput, nodes: torch.Tensor, step: int) -> torch.Tensor:
    target = torch.linspace(-1, 1, table.dim) * (1 + step % 3)
    return ((table(nodes) - target) ** 2).sum()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_rows_touched_in_every_step_get_the_dense_update(weight_decay: float) -> None:
    sparse, dense = tables()
    ours = RowAdam(sparse.parameters(), lr=0.05, weight_decay=weight_decay)
    theirs = torch.optim.Adam(dense.parameters(), lr=0.05, weight_decay=weight_decay)
    always = torch.tensor([2, 3, 7])
    start = dense.table.detach().clone()
    for step in range(20):
        nodes = torch.cat([always, torch.tensor([8 + step % 4])])
        for table, optimizer in ((sparse, ours), (dense, theirs)):
            optimizer.zero_grad()
            loss_of(table, nodes, step).backward()
            optimizer.step()
    assert torch.allclose(sparse.table[always], dense.table[always], atol=1e-6)
    assert not torch.allclose(sparse.table[always], start[always], atol=0.1)
    # rows that are touched now and then: the moments of the dense update go on moving them
    assert not torch.allclose(sparse.table[8:], dense.table[8:], atol=1e-3)
    # a row that nothing touches stays, whatever the regularisation
    assert torch.equal(sparse.table[0], start[0])


def test_a_row_named_twice_gets_the_sum_of_its_gradients() -> None:
    sparse, dense = tables()
    nodes = torch.tensor([4, 1, 4])
    for table, optimizer in (
        (sparse, RowAdam(sparse.parameters(), lr=0.1)),
        (dense, torch.optim.Adam(dense.parameters(), lr=0.1)),
    ):
        (table(nodes) ** 2).sum().backward()
        optimizer.step()
    assert torch.allclose(sparse.table, dense.table, atol=1e-7)


@pytest.mark.parametrize("touched", [5, 11, 12])
def test_most_rows_at_once_are_updated_as_few_are(touched: int) -> None:
    """Tables of which a step reads nearly all are updated as a whole, and the other rows put back."""
    sparse, other = tables()
    use_sparse_gradients(other, True)
    nodes = torch.randperm(12)[:touched]
    few, many = (RowAdam(table.parameters(), lr=0.1, weight_decay=0.1) for table in (sparse, other))
    for optimizer, table in ((few, sparse), (many, other)):
        loss_of(table, torch.arange(12), 0).backward()
        optimizer.step()
    before = sparse.table.detach().clone()
    for part in nodes.split(4):  # so few that rows are taken out and back
        few.state[sparse.table]["step"].fill_(1)
        loss_of(sparse, part, 1).backward()
        few.step()
    loss_of(other, nodes, 1).backward()
    many.step()
    assert torch.allclose(sparse.table, other.table, atol=1e-6)
    untouched = torch.ones(12, dtype=torch.bool).index_fill(0, nodes, False)
    assert torch.equal(other.table[untouched], before[untouched])
    for name in ("exp_avg", "exp_avg_sq"):
        assert torch.allclose(few.state[sparse.table][name], many.state[other.table][name], atol=1e-6)


def test_rows_of_a_gradient_are_distinct() -> None:
    table, _ = tables()
    table(torch.tensor([7, 2, 9])).sum().backward()
    assert distinct_rows(table.table.grad)._indices().tolist() == [[7, 2, 9]]
    table(torch.tensor([2, 5])).sum().backward()
    summed = distinct_rows(table.table.grad)
    assert summed._indices().tolist() == [[2, 5, 7, 9]]
    assert summed._values()[:, 0].tolist() == [2, 1, 1, 1]


def test_dense_gradients_are_updated_as_by_adam() -> None:
    torch.manual_seed(0)
    first = nn.Linear(3, 2)
    second = nn.Linear(3, 2)
    second.load_state_dict(first.state_dict())
    x = torch.randn(5, 3)
    for layer, kind in ((first, RowAdam), (second, partial(torch.optim.Adam, fused=True))):
        optimizer = kind(layer.parameters(), lr=0.1, weight_decay=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            layer(x).square().sum().backward()
            optimizer.step()
    assert torch.equal(first.weight, second.weight)


def test_states_are_those_of_adam() -> None:
    sparse, dense = tables()
    ours, theirs = RowAdam(sparse.parameters(), lr=0.1), torch.optim.Adam(dense.parameters(), lr=0.1)
    for table, optimizer in ((sparse, ours), (dense, theirs)):
        table(torch.tensor([1])).sum().backward()
        optimizer.step()
    assert ours.state_dict()["state"][0].keys() == theirs.state_dict()["state"][0].keys()
    again = RowAdam(tables()[0].parameters(), lr=0.1)
    again.load_state_dict(theirs.state_dict())


def test_rows_are_updated_on_the_tables_device() -> None:
    """On a device that is not the CPU, whatever stays behind raises."""
    with torch.device("meta"):
        table = IdInput(12, 3)
        use_sparse_gradients(table, True)
        nodes = torch.tensor([1, 4])
    assert table(nodes).is_meta
    table(nodes).sum().backward()
    assert table.table.grad is not None
    assert table.table.grad.is_sparse
    assert table.table.grad.is_meta
    optimizer = RowAdam(table.parameters(), lr=0.1, weight_decay=0.1)
    values = torch.ones(2, 3, device="meta")
    with torch.no_grad():
        optimizer._update_rows(table.table, nodes, values, optimizer.param_groups[0])
        with pytest.raises(RuntimeError):
            optimizer._update_rows(
                table.table, nodes, values.new_ones(2, 3, device="cpu"), optimizer.param_groups[0]
            )
    assert optimizer.state[table.table]["exp_avg"].is_meta


@pytest.mark.parametrize("decay", [0.5, 0.98])
def test_late_averages_are_the_averages(decay: float) -> None:
    sparse, dense = tables()
    late, prompt = WeightAverage(sparse, decay), WeightAverage(dense, decay)
    optimizer = RowAdam(sparse.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(1)
    for step in range(40):
        nodes = torch.randint(0, 10, (2,), generator=generator)
        optimizer.zero_grad()
        loss_of(sparse, nodes, step).backward()
        touched = touched_rows(sparse)
        assert sorted(touched["table"].tolist()) == sorted(set(nodes.tolist()))
        late.before_step(touched)
        optimizer.step()
        late.update(touched)
        dense.load_state_dict(sparse.state_dict())  # the same weights, averaged as a whole in every step
        prompt.update()
        if step % 17 == 3:
            assert torch.allclose(late.values["table"], prompt.values["table"], atol=1e-6)
    assert torch.allclose(late.values["table"], prompt.values["table"], atol=1e-6)
    assert not torch.allclose(late.values["table"], sparse.table, atol=1e-3)


def test_a_table_that_is_read_whole_for_once_is_averaged_as_a_whole() -> None:
    sparse, dense = tables()
    late, prompt = WeightAverage(sparse, 0.9), WeightAverage(dense, 0.9)
    optimizer = RowAdam(sparse.parameters(), lr=0.1)
    for step in range(12):
        optimizer.zero_grad()
        nodes = None if step % 4 == 3 else torch.tensor([step % 5])
        sparse(nodes).square().sum().backward()
        touched = touched_rows(sparse)
        assert bool(touched) == (nodes is not None)
        late.before_step(touched)
        optimizer.step()
        late.update(touched)
        dense.load_state_dict(sparse.state_dict())
        prompt.update()
    assert torch.allclose(late.values["table"], prompt.values["table"], atol=1e-6)
