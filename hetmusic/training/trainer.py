"""The training loop: epochs of steps, validation, early stopping, checkpoints."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hetmusic import run_layout
from hetmusic.errors import ConfigError, UserError
from hetmusic.graph.splits import Split
from hetmusic.models import MMGNN, HeteroConv, LayeredBlocks, final_embeddings
from hetmusic.ranking import EmbeddingScorer
from hetmusic.training.automatic import FULL_GRAPH_EDGES
from hetmusic.training.averaging import WeightAverage
from hetmusic.training.backward import backward
from hetmusic.training.batches import Batch
from hetmusic.training.checkpoint import StateFolder, save_weights
from hetmusic.training.config import FitConfig
from hetmusic.training.events import TrainingObserver
from hetmusic.training.feature_storage import FeatureStorage
from hetmusic.training.history import History
from hetmusic.training.make_batches import make_batches
from hetmusic.training.objective import Objective
from hetmusic.training.optimizer import RowAdam, touched_rows, use_sparse_gradients
from hetmusic.training.precision import check_precision, in_full, mixed_precision
from hetmusic.training.prefetch import Prefetched
from hetmusic.training.processes import ALONE, Processes
from hetmusic.training.stopping import EarlyStopping
from hetmusic.training.tensors import GraphTensors
from hetmusic.training.transfer import Transfer
from hetmusic.training.validation import Validation

logger = logging.getLogger(__name__)


class DivergedError(UserError):
    """The loss is no number any more."""


class Trainer:
    """Trains a model on a split and keeps the best weights.

    The draws of an epoch depend on the seed and the number of the epoch alone, so training that is taken up at an
    epoch's start goes on exactly as if it had never stopped.

    :param model: what to train.
    :param graph: the training graph.
    :param split: what to train and validate on.
    :param config: everything else.
    :param folder: run folder for weights, state and history.
    :param observers: told about progress.
    :param processes: those that train together; the first validates and writes.
    """

    def __init__(
        self,
        model: MMGNN,
        graph: GraphTensors,
        split: Split,
        config: FitConfig,
        folder: Path,
        observers: Sequence[TrainingObserver] = (),
        processes: Processes = ALONE,
    ) -> None:
        self.config = config
        self.processes = processes
        self.device = processes.device(config.training.device)
        check_precision(config.training.precision, model, self.device)
        self.features = FeatureStorage(model, self.device, config.training.features_on)
        self.transfer = Transfer(self.device)
        processes.start_alike(model)
        self.model = model
        self.graph = graph
        if self.propagation_mode == "full":  # every step takes its graph from it
            self.graph = graph.to(self.device)
        self.split = split
        self.folder = folder
        self.observers = list(observers) if processes.first else []
        self.validation = Validation(split, config, model.schema)
        self.objective = Objective(config.training)
        if processes.count > 1 and not self.objective.loss.shares_steps:
            raise ConfigError(
                f"loss {config.training.loss!r} cannot be trained by {processes.count} processes: it would average over the "
                "targets of each; divide by batch.total(count) and set shares_steps = True (docs/plugins.md)"
            )
        self.batches = make_batches(
            self.graph,
            model.schema,
            split,
            config,
            self.objective.loss,
            processes,
            sampled=self.propagation_mode == "sampled",
        )
        self.optimizer = RowAdam(
            model.parameters(), lr=config.training.lr, weight_decay=config.training.weight_decay
        )
        use_sparse_gradients(self.model, self._sparse_updates())
        self.average = WeightAverage(model, config.training.averaging)
        self.stopping = EarlyStopping(config.training.patience)
        self.history = History(folder / run_layout.HISTORY_FILE)
        self.state = StateFolder(folder / run_layout.STATE_FOLDER)
        self.epoch = 0
        #: what was measured before the first epoch, for its record
        self._at_start: dict[str, float] = {}

    @property
    def propagation_mode(self) -> str:
        """``full`` or ``sampled``, with ``auto`` decided."""
        mode = self.config.training.propagation
        if mode != "auto":
            return mode
        edges = sum(block.num_edges for block in self.graph.blocks.values())
        return "full" if edges <= FULL_GRAPH_EDGES else "sampled"

    def resume(self) -> None:
        """Go back to the newest saved state; to the very start if the run did not get through one epoch.

        :raises RunError: if the state is damaged.
        """
        if self.state.exists:
            saved = self.state.load(self.model, self.optimizer, self.average.values)
            self.epoch = int(saved["epoch"]) + 1
            self.average.steps = self.epoch * len(self.batches)
            best = saved["stopping"]
            self.stopping = EarlyStopping(
                self.config.training.patience, best["best"], best["best_epoch"], best["stale"]
            )
        if self.processes.first:
            self.history.cut(self.epoch)

    def fit(self) -> str:
        """Train until the epochs are done or validation has stopped improving.

        :return: why training ended: ``epochs`` or ``early stopping``.
        :raises DivergedError: if the loss is not a finite number.
        :raises KeyboardInterrupt: passed on; the state after the last whole epoch is on disk.
        """
        info = {
            "device": str(self.device),
            "propagation": self.propagation_mode,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "epochs": self.config.training.epochs,
            "first_epoch": self.epoch,
            "steps_per_epoch": len(self.batches),
            "processes": self.processes.count,
        }
        for observer in self.observers:
            observer.on_start(info)
        reason = "interrupted"
        try:
            reason = self._epochs()
        except Exception:
            reason = f"an error in epoch {self.epoch}"
            raise
        finally:
            for observer in self.observers:
                observer.on_end(reason)
        return reason

    def try_out(self) -> None:
        """Compute the gradients of one step and forget them, so that what a plug-in does wrong shows beforehand."""
        self.model.train()
        # of plug-ins alone: the model's own hold features, which are large and stay as they are
        plugins = [
            *(m for m in self.model.modules() if isinstance(m, HeteroConv)),
            self.model.head,
            self.objective.loss,
        ]
        buffers = [(buffer, buffer.clone()) for module in plugins for buffer in module.buffers()]
        with torch.random.fork_rng(devices=[]):
            self._backward(next(iter(self.batches.epoch(np.random.default_rng(self.config.seed)))))
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)

    def full_blocks(self) -> LayeredBlocks:
        """The whole training graph on the model's device, for inference."""
        return self.graph.full(self.config.model.num_layers).to(self.device)

    def validate(self) -> dict[str, float]:
        """The stopping metric and those that are measured beside it, on the validation part, training items masked."""
        with self.average.applied():
            users, items = final_embeddings(self.model, self.full_blocks(), self.folder)
        scorer = EmbeddingScorer(users.numpy(), items.numpy())
        return self.validation.measure(scorer, str(self.device))

    def _epochs(self) -> str:
        if self.config.model.initialisation == "spectral" and self.epoch == 0:
            self._judge_start()
        while self.epoch < self.config.training.epochs:
            if self.stopping.should_stop:
                return "early stopping"
            self._epoch()
            self.epoch += 1
        return "epochs"

    def _judge_start(self) -> None:
        """Validate what the model is before the first epoch, which is kept if no epoch is better."""
        values = self.processes.from_first(self.validate)
        self._at_start = {f"start_{name}": value for name, value in values.items()}
        self._keep_if_better(values, -1)

    def _keep_if_better(self, values: dict[str, float], epoch: int) -> None:
        better = self.stopping.update(values[self.config.training.metric], epoch)
        if better and self.processes.first:
            with self.average.applied():
                save_weights(self.folder / run_layout.BEST_WEIGHTS_FILE, self.model)

    def _epoch(self) -> None:
        started, processor = time.perf_counter(), time.process_time()
        # the caller's own generator is left as it was
        with torch.random.fork_rng(devices=[]):
            loss = self._train_epoch()
        record: dict[str, Any] = {"epoch": self.epoch, "loss": loss}
        record, self._at_start = record | self._at_start, {}
        record["train_cpu_seconds"] = round(time.process_time() - processor, 3)
        if (self.epoch + 1) % self.config.training.validate_every == 0:
            values = self.processes.from_first(self.validate)
            record |= {f"valid_{name}": value for name, value in values.items()}
            self._keep_if_better(values, self.epoch)
        record["best_epoch"] = self.stopping.best_epoch
        record["seconds"] = round(time.perf_counter() - started, 3)
        if self.processes.first:
            self.history.append(record)
            stopping = vars(self.stopping)
            self.state.save(
                self.epoch, self.model, self.optimizer, self.average.values, {"stopping": stopping}
            )
        for observer in self.observers:
            observer.on_epoch(record)

    def _train_epoch(self) -> float:
        self.model.train()
        rng = np.random.default_rng([self.config.seed, self.epoch])
        # dropout layers of custom encoders draw from torch's generator, so it too starts anew with every epoch
        torch.manual_seed(int(rng.integers(2**63)))
        batches = self.transfer.send(self.features.gathered(self.batches.epoch(rng)))
        ahead = self.config.training.prefetch if self.propagation_mode == "sampled" else 0
        if not ahead:
            return self._steps(map(self.transfer.receive, batches))
        with Prefetched(batches, ahead) as prefetched:
            return self._steps(map(self.transfer.receive, prefetched))

    def _steps(self, batches: Iterator[Batch]) -> float:
        """Train on some batches; the mean loss over their targets."""
        total, count = 0.0, 0
        for step, batch in enumerate(batches):
            value = self._step(batch)
            if not math.isfinite(value):
                kept = ". The run keeps the state after the last whole epoch" if self.epoch else ""
                raise DivergedError(
                    f"the loss became {value} in epoch {self.epoch}, step {step}; a lower learning rate "
                    f"(--set training.lr={self.config.training.lr / 3:.2g}) usually helps{kept}"
                )
            targets = batch.num_targets
            total, count = total + value * targets, count + targets
            for observer in self.observers:
                observer.on_batch(step + 1, len(self.batches), value)
        return total / max(count, 1)

    def loss_of(self, batch: Batch) -> Tensor:
        """The loss of a batch, which is moved to the model's device first; a scalar."""
        batch = batch.to(self.device)
        self.model.draw_dropout()
        with mixed_precision(self.config.training.precision, self.device):
            if batch.item_blocks is batch.user_blocks:
                towers, items = self.model.encode(batch.user_blocks)
            else:
                towers, items = (
                    self.model.encode_users(batch.user_blocks),
                    self.model.encode_items(batch.item_blocks),
                )
        users = {name: in_full(value)[batch.user_rows] for name, value in towers.items()}
        items = {name: in_full(value) for name, value in items.items()}
        if batch.item_rows is not None:
            items = {name: value[batch.item_rows] for name, value in items.items()}
        views = self.model.score_views(users, items, batch.item_ids)
        value: Tensor = self.objective(views, batch, self.epoch)
        return value

    def _backward(self, batch: Batch) -> Tensor:
        """The loss of a batch, whose gradients are computed."""
        loss = self.loss_of(batch)
        # losses of several processes are computed together
        again = (lambda: self.loss_of(batch)) if self.processes.count == 1 else None
        backward(loss, again, self.model, self.objective.loss)
        return loss

    def _step(self, batch: Batch) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._backward(batch)
        self.processes.sum_gradients(self.model)
        touched = touched_rows(self.model)
        self.average.before_step(touched)
        self.optimizer.step()
        self.average.update(touched)
        return float(batch.total(loss.detach()))

    def _sparse_updates(self) -> bool:
        wanted = self.config.training.sparse_updates
        return self.propagation_mode == "sampled" if wanted == "auto" else wanted
