"""From a configuration to what makes the batches of an epoch."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import ConfigError
from hetmusic.graph.splits import Split
from hetmusic.models.schema import GraphSchema
from hetmusic.training.automatic import FULL_SOFTMAX_ITEMS
from hetmusic.training.batches import PairBatches, Propagation, UserBatches
from hetmusic.training.config import FitConfig, TrainingConfig
from hetmusic.training.losses import Loss
from hetmusic.training.processes import Processes
from hetmusic.training.samplers import Sampler
from hetmusic.training.sampling import samplers
from hetmusic.training.tensors import GraphTensors, trained_items

logger = logging.getLogger(__name__)


def make_batches(
    graph: GraphTensors,
    schema: GraphSchema,
    split: Split,
    config: FitConfig,
    loss: Loss,
    processes: Processes,
    *,
    sampled: bool,
) -> UserBatches | PairBatches:
    """Batches of users or of pairs, as the loss wants them.

    :param graph: the training graph.
    :param split: what is predicted.
    :param processes: those that share every batch.
    :param sampled: whether messages pass in sampled neighbourhoods, not over the whole graph.
    :raises ConfigError: if nothing would be left to predict.
    """
    training = config.training
    propagation = Propagation(
        graph,
        config.model.num_layers,
        schema.user_type,
        schema.item_type,
        _make_sampler(graph, config) if sampled else None,
        not config.model.separate_output,
    )
    common = (split.train, propagation, training.batch_size, training.edge_dropout)
    catalogue = _candidates(split, training)
    if loss.batches == "users":
        num_items = schema.num_nodes[schema.item_type] if catalogue is None else len(catalogue)
        _check_users_against_all(training, num_items)
        return UserBatches(
            *common, catalogue, training.sampled_candidates, training.reconstruction > 0, processes
        )
    pairwise = loss.batches == "triples"
    shared = not pairwise or training.mutual_weight > 0
    return PairBatches(*common, training.negatives, pairwise, catalogue, processes, shared)


def _make_sampler(graph: GraphTensors, config: FitConfig) -> Sampler:
    training, layers = config.training, config.model.num_layers
    fanout = training.fanout
    chosen = config.relations.items()
    return samplers.make(
        training.sampler,
        graph=graph,
        fanouts=[fanout] * layers if isinstance(fanout, int) else fanout,
        per_relation={name: r.fanout for name, r in chosen if r.fanout is not None},
        **training.sampler_arguments,
    )


def _candidates(split: Split, training: TrainingConfig) -> NDArray[np.int32] | None:
    """Items that training scores against, ascending; None means all."""
    trained = trained_items(split, training.candidates)
    if trained is not None or split.items is None:
        return trained
    return np.union1d(split.items, split.train.dst)  # extra interactions have items of their own


def _check_users_against_all(training: TrainingConfig, num_items: int) -> None:
    """Refuse what would leave nothing to predict; advise against very large catalogues."""
    if training.edge_dropout == 0:
        raise ConfigError(
            f"loss {training.loss!r} predicts the edges left out of message passing, so "
            "training.edge_dropout must be > 0"
        )
    if num_items > FULL_SOFTMAX_ITEMS and training.sampled_candidates is None:
        logger.warning(
            "%d candidates are many for a softmax over all of them; --auto takes a sample of them in every step",
            num_items,
        )
