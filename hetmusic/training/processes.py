"""Several processes that train one model: each takes its share of every step, and all get the same weights.

The gradients are summed here and not by torch's ``DistributedDataParallel``: that wrapper sums dense gradients in hooks of
the backward pass, wants every parameter to have one, and knows nothing of the rows of embedding tables that a step has
touched, which is what the optimiser and the running average go by.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous

from hetmusic import _torchrun
from hetmusic._device import choose_device
from hetmusic._torchrun import FailedElsewhere, ProcessError
from hetmusic.errors import ConfigError, UserError

T = TypeVar("T")

#: the others wait that long while the first validates
_PATIENCE = timedelta(days=1)
_FAILED = "hetmusic failed"
#: what a parameter's gradient is in some process
_NONE, _SPARSE, _DENSE = 0, 1, 2


class Processes:
    """The processes that train together; a process on its own is the first of one.

    :param rank: which of them this one is, from 0.
    :param count: how many they are.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank = rank
        self.count = count

    @property
    def first(self) -> bool:
        """Whether this is the one that validates, writes and speaks."""
        return self.rank == 0

    def device(self, name: str) -> torch.device:
        """The device that a configuration means for this process: every process has a GPU of its own.

        :raises ConfigError: if there is none.
        """
        if self.count == 1:
            chosen = choose_device(name)
            if chosen.type == "cuda" and chosen.index is None:  # tensors know which GPU they are on
                return torch.device("cuda", torch.cuda.current_device())
            return chosen
        _check_device_of_several(name, self.count)
        chosen = choose_device(name)
        return torch.device("cuda", _torchrun.local_rank()) if chosen.type == "cuda" else chosen

    def share(self, ids: NDArray[Any]) -> NDArray[Any]:
        """This process's share of what a step is about: every so many-th."""
        return ids if self.count == 1 else ids[self.rank :: self.count]

    def generator(self, rng: np.random.Generator) -> np.random.Generator:
        """Draws that differ from process to process, made from one that is the same in all and stays so.

        A process on its own goes on with ``rng``.
        """
        if self.count == 1:
            return rng
        key = int(copy.deepcopy(rng).integers(2**63))
        return np.random.default_rng([key, self.rank])

    def total(self, value: Tensor) -> Tensor:
        """Sum of a tensor over all processes, without gradient."""
        if self.count == 1:
            return value
        summed = value.detach().clone()
        dist.all_reduce(summed)
        return summed

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes, in all of them; it must be plain (numbers, texts, lists, dictionaries)."""
        if self.count == 1:
            return make()
        box: list[Any] = [make() if self.first else None]
        # over the CPU, whatever the model's device
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        result: T = box[0]
        return result

    def wait(self) -> None:
        """Go on when all have come here."""
        self.from_first(lambda: None)

    def start_alike(self, model: nn.Module) -> None:
        """Give all processes the weights of the first."""
        if self.count > 1:
            for parameter in model.parameters():
                dist.broadcast(parameter.data, src=0)

    def sum_gradients(self, model: nn.Module) -> None:
        """Sum the gradients of all processes; those of the rows of a table stay those of rows.

        A parameter has a gradient afterwards if it had one in some process.
        """
        if self.count == 1:
            return
        parameters = [p for p in model.parameters() if p.requires_grad]
        if not parameters:
            return
        kinds = torch.tensor([_kind(p) for p in parameters], dtype=torch.uint8)
        dist.all_reduce(kinds, op=dist.ReduceOp.MAX)
        of_kind = {
            kind: [p for p, found in zip(parameters, kinds.tolist(), strict=True) if found == kind]
            for kind in (_SPARSE, _DENSE)
        }
        self._sum_rows(of_kind[_SPARSE])
        for dtype in {p.dtype for p in of_kind[_DENSE]}:
            _sum_dense([p for p in of_kind[_DENSE] if p.dtype is dtype])

    def _sum_rows(self, tables: Sequence[nn.Parameter]) -> None:
        """Gather the rows that each process has gradients of."""
        if not tables:
            return
        own = [_rows(table) for table in tables]
        counts = torch.tensor([len(rows) for rows, _ in own])
        everywhere = [torch.zeros_like(counts) for _ in range(self.count)]
        dist.all_gather(everywhere, counts)
        for position, (table, (rows, values)) in enumerate(zip(tables, own, strict=True)):
            sizes = [int(found[position]) for found in everywhere]
            all_rows = self._gather(rows, sizes)
            all_values = self._gather(values, sizes)
            table.grad = torch.sparse_coo_tensor(
                all_rows[None], all_values, table.shape, check_invariants=False
            )

    def _gather(self, part: Tensor, sizes: Sequence[int]) -> Tensor:
        """The parts of all processes behind each other, in the order of the processes."""
        padded = part.new_zeros(max(*sizes, 1), *part.shape[1:])
        padded[: len(part)] = part
        found = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(found, padded)
        return torch.cat([piece[:size] for piece, size in zip(found, sizes, strict=True)])


#: a process that trains on its own
ALONE = Processes()


@contextlib.contextmanager
def together(device: str) -> Iterator[Processes]:
    """Join the processes that torchrun has started, for as long as the block runs; :data:`ALONE` if there are no others.

    When one fails, the first to do so raises its error, and the others :class:`~hetmusic._torchrun.FailedElsewhere`, as soon
    as they want something from it.

    :param device: ``training.device``.
    :raises ConfigError: if they cannot train together.
    """
    count = _torchrun.num_processes()
    if count == 1:
        yield ALONE
        return
    _torchrun.check_one_machine()
    processes = Processes(_torchrun.rank(), count)
    chosen = processes.device(device)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    store = _join(processes, "cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield processes
        processes.wait()
    except BaseException as problem:
        raise _said_once(problem, store, processes) from problem
    dist.destroy_process_group()


def _join(processes: Processes, backend: str) -> Any:
    """Make the process group; the store that all of them read and write."""
    try:
        store, rank, count = next(rendezvous("env://"))
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=_PATIENCE)
    except (RuntimeError, ValueError) as problem:  # what torch raises for whatever goes wrong there
        if not processes.first:
            raise FailedElsewhere("the first process cannot be reached") from problem
        reason = str(problem).partition("\n")[0]
        raise ProcessError(f"{processes.count} processes cannot join: {reason}") from problem
    return store


def _said_once(problem: BaseException, store: Any, processes: Processes) -> BaseException:
    """The error of this process if it is the first to fail."""
    if not _is_first_to_fail(store, processes.rank):
        return FailedElsewhere("another process has failed")
    name = f"process {processes.rank + 1} of {processes.count}"
    if _is_lost_connection(problem):
        return ProcessError(
            f"{name}: another process of this training has ended without a word, perhaps for want of memory; what every "
            "process takes is what one takes alone"
        )
    if isinstance(problem, UserError) and not processes.first:
        return ProcessError(f"{name}: {problem}", getattr(problem, "trace", ""))
    return problem


def _is_first_to_fail(store: Any, rank: int) -> bool:
    try:
        found = store.compare_set(_FAILED, "", str(rank))
    except RuntimeError:  # whoever kept the store has gone, and others with it
        return False
    return bool(found == str(rank).encode())


def _is_lost_connection(problem: BaseException) -> bool:
    """Whether a collective operation failed for want of the others."""
    if isinstance(problem, dist.DistError):
        return True
    said = str(problem).lower()
    return isinstance(problem, RuntimeError) and ("gloo" in said or "connection" in said or "nccl" in said)


def _check_device_of_several(name: str, count: int) -> None:
    if name.startswith("cuda:"):
        raise ConfigError(
            f"training.device = {name!r} is one GPU, but {count} processes train together, each on its own; use cuda"
        )
    gpus = torch.cuda.device_count()
    if (name == "cuda" or (name == "auto" and gpus)) and gpus < count:
        raise ConfigError(
            f"{count} processes want a GPU each, but torch sees {gpus}; use --nproc-per-node {max(gpus, 1)}, or "
            "training.device = 'cpu'"
        )


def _kind(parameter: nn.Parameter) -> int:
    if parameter.grad is None:
        return _NONE
    return _SPARSE if parameter.grad.is_sparse else _DENSE


def _rows(table: nn.Parameter) -> tuple[Tensor, Tensor]:
    """Distinct rows of a table that have gradients here, and these."""
    if table.grad is None:
        none = torch.zeros(0, dtype=torch.int64, device=table.device)
        return none, table.new_zeros(0, *table.shape[1:])
    found = table.grad.coalesce()
    return found.indices()[0], found.values()


def _sum_dense(parameters: Sequence[nn.Parameter]) -> None:
    """Sum dense gradients in one message."""
    parts = [torch.zeros_like(p) if p.grad is None else p.grad.to_dense() for p in parameters]
    flat = torch.cat([part.reshape(-1) for part in parts])
    dist.all_reduce(flat)
    for parameter, part in zip(parameters, flat.split([part.numel() for part in parts]), strict=True):
        parameter.grad = part.view_as(parameter)
