"""What two processes do for ``test_processes.py``: ``python -m tests.training.two_processes GRAPHS OUT``.

Started twice, with the variables that torchrun sets; each writes what it has to ``OUT/RANK.npz``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hetmusic.graph import MusicGraph
from hetmusic.training.optimizer import RowAdam
from hetmusic.training.processes import Processes, together
from hetmusic.training.trainer import Trainer
from tests.training.trainers import trainer_of

_WHOLE = "training.propagation=full"
#: all neighbours, so that nothing is drawn which two processes would draw otherwise
_SAMPLED = ("training.propagation=sampled", "training.fanout=-1", "training.weight_decay=0.001")

#: name -> (graph, settings)
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "softmax, whole graph": ("audible", (_WHOLE, "training.averaging=0.5")),
    "softmax, modalities and ids dropped": (
        "audible",
        (_WHOLE, "model.modality_dropout=0.3", "model.id_dropout=0.3", "model.id_embedding=true"),
    ),
    "softmax, sampled candidates": ("audible", (*_SAMPLED, "training.sampled_candidates=9")),
    "softmax, the better tower teaches": (
        "audible",
        (_WHOLE, "training.mutual_weight=0.5", "training.mutual_teacher=better"),
    ),
    "sampled softmax": (
        "audible",
        (*_SAMPLED, "training.loss=sampled_softmax", "training.negatives=8", "training.batch_size=100"),
    ),
    "bpr": ("audible", (*_SAMPLED, "training.loss=bpr", "training.negatives=2", "training.batch_size=101")),
    "bpr, mutual learning": (
        "audible",
        (
            *_SAMPLED,
            "training.loss=bpr",
            "training.batch_size=90",
            "training.mutual_weight=0.5",
            "training.mutual_teacher=symmetric",
        ),
    ),
    "a share without users": ("odd", (*_SAMPLED, "training.sampled_candidates=9")),
}


def steps_of(trainer: Trainer) -> dict[str, np.ndarray]:
    """Gradients of the first step, and losses and weights of an epoch."""
    found: dict[str, np.ndarray] = {}
    rng = np.random.default_rng(5)
    torch.manual_seed(7)
    trainer.model.train()
    losses = []
    for batch in trainer.batches.epoch(rng):
        if not losses:
            trainer.loss_of(batch).backward()
            trainer.processes.sum_gradients(trainer.model)
            for name, parameter in trainer.model.named_parameters():
                if parameter.grad is not None:
                    found[f"gradient of {name}"] = parameter.grad.to_dense().numpy().copy()
        losses.append(trainer._step(batch))
    found["losses"] = np.array(losses)
    for name, parameter in trainer.model.named_parameters():
        found[f"weights of {name}"] = parameter.detach().numpy().copy()
    return found


def summed(processes: Processes) -> dict[str, np.ndarray]:
    """Gradients that only one process has, of which rows differ, and none at all."""
    parts = nn.ParameterDict(
        {name: nn.Parameter(torch.zeros(4, 2)) for name in ("both", "one", "none", "rows", "rows of one")}
    )
    rank = processes.rank
    parts["both"].grad = torch.full((4, 2), 1.0 + rank)
    if rank == 1:
        parts["one"].grad = torch.full((4, 2), 5.0)
        parts["rows of one"].grad = torch.sparse_coo_tensor(torch.tensor([[3]]), torch.ones(1, 2), (4, 2))
    rows = torch.tensor([[0, 2, 2], [2, 3, 3]][rank])[None]
    parts["rows"].grad = torch.sparse_coo_tensor(rows, torch.ones(3, 2) * (1 + rank), (4, 2))
    processes.sum_gradients(parts)
    assert parts["none"].grad is None
    assert parts["rows"].grad.is_sparse
    assert parts["rows of one"].grad.is_sparse
    found = {n: p.grad.to_dense().numpy() for n, p in parts.items() if p.grad is not None}
    found["touched"] = parts["rows"].grad.coalesce().indices()[0].numpy()
    RowAdam(parts.parameters(), lr=0.1).step()
    return found | {f"{n} afterwards": p.detach().numpy() for n, p in parts.items()}


def main(graphs: Path, out: Path) -> None:
    """Go through all cases."""
    torch.set_num_threads(1)
    found: dict[str, np.ndarray] = {}
    with together("cpu") as processes:
        found |= {f"summed/{name}": value for name, value in summed(processes).items()}
        found["total"] = processes.total(torch.tensor([1.0 + processes.rank])).numpy()
        found["from first"] = np.array(processes.from_first(lambda: [processes.rank, 42]))
        for case, (graph, settings) in CASES.items():
            opened = MusicGraph.open(graphs / graph)
            trainer = trainer_of(opened, out, *settings, processes=processes)
            if processes.rank == 1:  # the first one's weights count
                with torch.no_grad():
                    next(trainer.model.parameters()).add_(1.0)
            processes.start_alike(trainer.model)
            found |= {f"{case}/{name}": value for name, value in steps_of(trainer).items()}
        np.savez(out / f"{processes.rank}.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
    os._exit(0)  # as hetmusic/__main__.py does, and for the same reason
