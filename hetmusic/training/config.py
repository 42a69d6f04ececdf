"""Everything that decides a run, as typed configuration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hetmusic.models.config import ModelConfig, RelationConfig, StrictModel, TowerConfig
from hetmusic.models.plugin_spec import PluginArguments, PluginSpec


class SplitConfig(StrictModel):
    """How interactions are divided into training, validation and test."""

    kind: Literal["random", "kfold", "leave-last-out", "time", "file", "cold-items"] = "random"
    """Strategy (docs/file_formats.md describes each)."""

    ratios: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of training, validation and test for ``random`` and ``time``."""

    seed: int = Field(0, ge=0)
    """Seed of the draw."""

    file: str | None = None
    """Table of user, item and label for ``file``."""

    others: Literal["unused", "train"] = "unused"
    """What becomes of the interactions that ``file`` does not name; ``train``: learned from, their items not recommended."""

    folds: int = Field(5, ge=2)
    """Number of folds of ``kfold``."""

    fold: int = Field(0, ge=0)
    """The fold that ``kfold`` tests on."""

    share: float = Field(0.2, gt=0, lt=1)
    """Share of items that ``cold-items`` tests on, without any training interaction (another 5 % are validated on)."""

    @model_validator(mode="after")
    def _fits_together(self) -> SplitConfig:
        if self.fold >= self.folds:
            raise ValueError(
                f"split.fold is {self.fold}, but split.folds is {self.folds}: folds count from 0"
            )
        if abs(sum(self.ratios) - 1) > 1e-9:
            raise ValueError(f"split.ratios sum to {sum(self.ratios):g}, not 1")
        if self.kind == "file" and self.file is None:
            raise ValueError("kind = 'file' needs file = 'PATH'")
        if self.kind != "file" and self.others != "unused":
            raise ValueError(f"others = {self.others!r} needs kind = 'file', not {self.kind!r}")
        if self.kind != "file" and self.file is not None:
            raise ValueError(f"file is given, but kind is {self.kind!r}; use kind = 'file'")
        return self


#: losses that compare probabilities
_SOFTMAX = ("softmax", "sampled_softmax")


class TrainingConfig(StrictModel):
    """How the model is trained."""

    loss: PluginSpec = "softmax"
    """``softmax`` (over the whole catalogue), ``sampled_softmax``, ``bpr`` or an import path."""

    loss_arguments: PluginArguments = Field(default_factory=dict)
    """Arguments of a loss of your own, such as ``{margin = 0.5}``."""

    propagation: Literal["auto", "full", "sampled"] = "auto"
    """Message passing over the whole graph in every step, or over sampled neighbourhoods; ``auto`` decides by size."""

    fanout: list[int] | int = 10
    """Neighbours sampled per node and relation; one number for all layers, or one a layer, furthest first; -1 is all."""

    sampler: PluginSpec = "neighbor"
    """What samples neighbourhoods: ``neighbor`` (distinct neighbours, uniformly) or an import path."""

    sampler_arguments: PluginArguments = Field(default_factory=dict)
    """Arguments of a sampler of your own."""

    batch_size: int = Field(128, ge=1)
    """Users a step under ``softmax``, (user, item) pairs under the other losses, where it is 4096 if not given."""

    epochs: int = Field(100, ge=1)
    """Most epochs trained."""

    patience: int = Field(10, ge=1)
    """Training stops after this many validations in a row without a better one."""

    validate_every: int = Field(1, ge=1)
    """Epochs between two validations."""

    validation_users: int | None = Field(None, ge=1)
    """Validation ranks for so many users, drawn by the seed once for the whole run; if not given, for all."""

    metric: str = "ndcg@10"
    """Validation metric that early stopping and the best checkpoint go by."""

    also_measured: list[str] = Field(default_factory=list)
    """Further metrics of every validation, for curves, e.g. ``["recall@50"]``; they decide nothing."""

    lr: float = Field(0.01, gt=0)
    """Learning rate of Adam."""

    weight_decay: float = Field(0.0, ge=0)
    """L2 regularisation (lambda2 of the paper)."""

    sparse_updates: bool | Literal["auto"] = "auto"
    """Whether a step updates only those rows of embedding tables that it read (lazy moments, L2 on those rows); ``auto``: if
    neighbourhoods are sampled. Over the whole graph every row is read in every step, and nothing changes."""

    edge_dropout: float = Field(0.7, ge=0, lt=1)
    """Share of interactions left out of message passing in each step; under ``softmax`` they are what is predicted."""

    reconstruction: float = Field(0.3, ge=0)
    """Under ``softmax``, weight of predicting the interactions that message passing did see, beside those left out of it;
    the other losses do not have it."""

    negatives: int = Field(1024, ge=1)
    """Uniform negatives: of a step under ``sampled_softmax`` (beside the batch's own positives), of a pair under
    ``bpr``, where it is 1 if not given."""

    sampled_candidates: int | None = Field(None, ge=1)
    """Under ``softmax``, the candidates of a step are what its users like and so many items drawn uniformly, corrected by
    log Q; if not given, they are the whole catalogue."""

    candidates: Literal["auto", "catalogue", "trained"] = "auto"
    """Items that training scores against: the whole catalogue, or those with a training interaction; ``auto`` takes the
    latter for ``cold-items`` splits, whose cold items could only be pushed down."""

    tower_loss: float = Field(1.0, ge=0)
    """Weight of every tower's own loss beside that of the final score."""

    mutual_weight: float = Field(0.0, ge=0)
    """Weight of deep mutual learning between towers (lambda1 of the paper); 0 is off."""

    mutual_temperature: float = Field(1.0, gt=0)
    """Tower scores are divided by it before their distributions over the candidates are compared."""

    mutual_teacher: Literal["symmetric", "detached", "better"] = "detached"
    """Who learns from whom: ``symmetric`` (eq. 6 as written), ``detached`` (gradients reach the student alone) or
    ``better`` (detached, and only from the tower with the lower loss of its own)."""

    mutual_warmup: int = Field(0, ge=0)
    """Epochs that towers learn from the data alone before they learn from each other."""

    averaging: float = Field(0.0, ge=0, lt=1)
    """Decay of the running average of the weights that is validated and kept (less in the first steps); 0 keeps the weights
    themselves."""

    prefetch: int = Field(2, ge=0)
    """With sampled neighbourhoods, steps that are made ready beforehand, in a thread of their own, while the model computes;
    0 makes each when it is needed."""

    device: str = "auto"
    """``auto`` (CUDA where there is a GPU), ``cpu``, ``cuda`` or ``cuda:N``."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the matrix products in the towers (projected features, encoders' weight matrices); weights, sums over neighbours,
    scores, losses and what is stored are float32 in any case."""

    features_on: Literal["auto", "device", "cpu"] = "auto"
    """Where features are while training on a GPU: there (``device``), or in main memory, from where every step copies what
    it reads (``cpu``); ``auto``: there if they take at most half of its free memory."""

    threads: int | None = Field(None, ge=1)
    """CPU threads of torch; None leaves its choice (or ``OMP_NUM_THREADS``)."""

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_loss(cls, values: Any) -> Any:
        """What a batch is made of depends on the loss, so the defaults for its size do as well."""
        if not isinstance(values, dict) or values.get("loss", "softmax") == "softmax":
            return values
        negatives = 1 if values["loss"] == "bpr" else 1024
        return {"batch_size": 4096, "negatives": negatives, "reconstruction": 0.0, **values}

    @field_validator("fanout", mode="before")
    @classmethod
    def _fanout_is_positive(cls, value: Any) -> Any:
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, bool) or (isinstance(number, int) and number < 1 and number != -1):
                raise ValueError("a fanout is a positive number, or -1 for all neighbours")
        return value

    @field_validator("metric", "also_measured")
    @classmethod
    def _metrics_have_a_cutoff(cls, value: Any) -> Any:
        for metric in value if isinstance(value, list) else [value]:
            name, _, k = metric.partition("@")
            if not name or not k.isdigit() or int(k) < 1:
                raise ValueError("a metric is a name and a cutoff, such as ndcg@10")
        return value


class FitConfig(StrictModel):
    """The complete configuration of ``hetmusic fit``."""

    preset: str = "default"
    """The preset that this configuration started from."""

    seed: int = Field(0, ge=0)
    """Seed of weights, batches and dropout."""

    model: ModelConfig = ModelConfig()
    """Structure of the model."""

    relations: dict[str, RelationConfig] = Field(default_factory=dict)
    """Encoder of each relation, by name; relations not named are not used."""

    towers: dict[str, TowerConfig] = Field(default_factory=dict)
    """What single towers do otherwise, by the tower's name."""

    training: TrainingConfig = TrainingConfig()
    """Optimisation."""

    split: SplitConfig = SplitConfig()
    """Division of the interactions."""

    @model_validator(mode="after")
    def _consistent(self) -> FitConfig:
        training = self.training
        if training.loss == "softmax" and training.edge_dropout == 0:
            raise ValueError(
                "loss = 'softmax' predicts the edges left out of message passing, so training.edge_dropout must be > 0"
            )
        if training.reconstruction and training.loss != "softmax":
            raise ValueError(
                f"training.reconstruction is {training.reconstruction:g}, but the loss is {training.loss!r}: "
                "only 'softmax' predicts what was its input"
            )
        if training.sampled_candidates is not None and training.loss != "softmax":
            raise ValueError(
                f"training.sampled_candidates is for loss = 'softmax'; under {training.loss!r} it is training.negatives"
            )
        if self.model.head == "scaled" and (training.loss not in _SOFTMAX or training.mutual_weight):
            raise ValueError(
                "scores under model.head = 'scaled' are proportional to probabilities: training.loss is 'softmax' or "
                "'sampled_softmax' there, and training.mutual_weight is 0"
            )
        if training.validate_every > training.epochs:
            raise ValueError(
                f"training.validate_every is {training.validate_every}, but training.epochs is {training.epochs}: "
                "no epoch would be validated"
            )
        if isinstance(training.fanout, list) and len(training.fanout) != self.model.num_layers:
            raise ValueError(
                f"training.fanout has {len(training.fanout)} numbers, but model.num_layers is {self.model.num_layers}"
            )
        return self
