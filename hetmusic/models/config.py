"""What a model is made of, as typed configuration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hetmusic.errors import did_you_mean
from hetmusic.models.plugin_spec import PluginArguments, PluginSpec
from hetmusic.models.strict import StrictModel
from hetmusic.models.tower_config import RelationConfig, TowerConfig

__all__ = ["ModelConfig", "Readout", "RelationConfig", "RelationSet", "StrictModel", "TowerConfig"]

#: which of the relations in use a tower reads
RelationSet = Literal["all", "interactions"] | list[str]
#: how the layers of a tower become one representation
Readout = Literal["harmonic", "sum"]


class ModelConfig(StrictModel):
    """The structure of :class:`~hetmusic.models.mmgnn.MMGNN`."""

    head: PluginSpec = "late"
    """``late``: every tower scores for itself and scores are combined; ``scaled``: that, times a learned factor of the item
    that starts from its popularity, and scores are proportional to probabilities, not their logarithms; ``paper``: eqs. 4
    and 5, one inner product; or an import path."""

    dim: int = Field(128, ge=1, le=8192)
    """Size of the representations in every tower."""

    tower_weights: Literal["learned", "equal"] | dict[str, float] = "learned"
    """How towers count in the final score: by learned convex weights (eq. 5), all alike (``equal``), or in the proportions
    of a table by tower, ``{text = 2, audio = 0.5, others = 1}``. Learned weights lean towards what fits the training data
    best, which need not be what ranks best."""

    num_layers: int = Field(2, ge=1, le=8)
    """Number of HeteroConv layers in every tower."""

    readout: Readout = "harmonic"
    """How the layers of a tower add up: ``harmonic``: layer l counts 1 / (l + 1), as in the paper; ``sum``: all alike, so
    that what tags and friends say weighs as much as what an item is."""

    modalities: list[str] | Literal["all"] = "all"
    """Modalities of the recommended node type that get a tower each; ``all``: those that the graph has."""

    modality_dropout: float = Field(0.0, ge=0, lt=1)
    """Probability that a step of training hides a modality of an item that has it; an item's last one is never hidden."""

    id_dropout: float = Field(0.0, ge=0, lt=1)
    """Probability that a step of training scores an item without its learned vectors, as it would score a new one."""

    id_tower: bool | Literal["auto"] = True
    """Whether a tower without content, from learned item embeddings alone, stands beside the modality towers; ``auto``:
    only where there are no modality towers."""

    id_towers: int = Field(1, ge=1, le=16)
    """How many such towers: they differ in where they start alone, and together average noise of training away."""

    social_tower: bool | Literal["auto"] = False
    """Whether a tower over friendships (eq. 3) stands beside the modality towers; ``auto``: if friendships are in use."""

    emotion: bool | Literal["auto"] = False
    """Whether an emotion tower adds its score; ``auto``: if the graph has emotions."""

    emotion_dim: int = Field(16, ge=1, le=1024)
    """Size of the emotion embeddings."""

    emotion_beta: float | Literal["learned"] = "learned"
    """How much the emotion score counts: a number, or learned from 0.1 on."""

    emotion_community: bool = True
    """Whether a user's emotion also depends on what friends play; needs ``num_layers`` of 2 or more."""

    relations: RelationSet = "all"
    """Which of the relations with a ``[relations.NAME]`` table the towers read: ``all``, ``interactions`` (those between
    users and items) or a list of names, each of which stands for both of its directions."""

    tower_relations: dict[str, RelationSet] | None = None
    """The same for single towers by name; ``others`` stands for those not named. The social tower is not affected."""

    combine: PluginSpec = "sum"
    """How relations are combined per node type: ``sum``, ``mean``, ``max``, ``attention`` (a node at a time), ``semantic``
    (attention over a batch, as in HAN), ``joint-softmax`` (one softmax over the edges of all relations, as in HGT) or an
    import path."""

    combine_arguments: PluginArguments = Field(default_factory=dict)
    """Arguments of the combiner, such as ``{hidden = 32}``."""

    inductive_users: bool = True
    """Users start from what they listened to alone, without an embedding of their own, so new users need no training."""

    separate_output: bool = True
    """Items have one set of layer-0 tables as input to users' profiles and another as candidates."""

    id_embedding: bool = True
    """Whether modality towers add a learned embedding to an item's projected features."""

    feature_scaling: Literal["standard", "unit", "whiten", "l2", "none"] = "standard"
    """``standard``: each feature to mean 0 and sd 1 over present items; ``unit``: that, divided by the square root of their
    number, so that vectors have length 1 on average; ``whiten``: the same with principal components instead of features,
    so that what many features say counts once; ``l2``: each vector to length 1."""

    feature_components: int | None = Field(None, ge=1)
    """Modalities with more features are reduced to so many principal components, once, when they are read; if not given, all
    are kept. But for ``whiten`` components keep their variances, so that vectors keep their lengths."""

    score: Literal["cosine", "inner"] = "cosine"
    """Similarity of a user's and an item's tower embedding in the late head."""

    temperature: float = Field(0.1, ge=1e-4)
    """Cosine similarities are divided by it before the loss."""

    item_bias: bool | Literal["popularity"] = False
    """Whether every item has a learned bias in the combined score. ``popularity`` starts it at the logarithm of how many
    training interactions the item has, plus one, so that few steps are left to learn who likes what beside that."""

    cold_bias: float = Field(0.0, allow_inf_nan=False)
    """Added to the combined score of items that no training interaction speaks of, if training leaves these out
    (``training.candidates``). Below 0 they must be wanted more to be shown: it trades new items against known ones."""

    initialisation: Literal["random", "spectral"] = "random"
    """Where tables start: ``random``, or ``spectral``, from the leading singular vectors of the training interactions, which
    under ``head = "scaled"`` rank as PureSVD from the first step on; features' projections and what surrounds items follow
    from them. Such a start is validated as well, and kept if no epoch is better."""

    init_scale: float = Field(0.1, gt=0)
    """Standard deviation of embedding tables at the start."""

    @field_validator("relations", mode="before")
    @classmethod
    def _relations_are_known(cls, value: Any) -> Any:
        return _check_set(value)

    @field_validator("tower_relations", mode="before")
    @classmethod
    def _tower_relations_are_known(cls, value: Any) -> Any:
        for chosen in value.values() if isinstance(value, dict) else ():
            _check_set(chosen)
        return value

    @field_validator("tower_weights")
    @classmethod
    def _tower_weights_are_positive(
        cls, value: Literal["learned", "equal"] | dict[str, float]
    ) -> Literal["learned", "equal"] | dict[str, float]:
        for name, weight in value.items() if isinstance(value, dict) else ():
            if not 0 < weight < float("inf"):
                raise ValueError(f"the weight of tower {name} must be positive, not {weight}")
        return value

    @model_validator(mode="after")
    def _has_towers(self) -> ModelConfig:
        if not self.id_tower and self.modalities == []:
            raise ValueError("id_tower = false and modalities = [] leave no tower that can score an item")
        return self

    @model_validator(mode="after")
    def _starts_differ(self) -> ModelConfig:
        if self.initialisation == "spectral" and self.id_towers > 1:
            raise ValueError(
                f"id_towers = {self.id_towers}, but initialisation = 'spectral' starts all such towers alike: use 1"
            )
        return self

    @model_validator(mode="after")
    def _nothing_is_added_to_scaled_scores(self) -> ModelConfig:
        terms = {"item_bias": self.item_bias, "cold_bias": self.cold_bias, "emotion": self.emotion}
        for name, value in terms.items():
            if self.head == "scaled" and value:
                raise ValueError(f"{name} = {value!r} adds to scores, which head = 'scaled' multiplies")
        return self


def _check_set(value: Any) -> Any:
    """Say what a set of relations may be, which a union of types says badly."""
    words = ("all", "interactions")
    if isinstance(value, str) and value not in words:
        hint = did_you_mean(value, words) or f"; for one relation write [{value!r}]"
        raise ValueError(f"relations are 'all', 'interactions' or a list of names{hint}")
    return value
