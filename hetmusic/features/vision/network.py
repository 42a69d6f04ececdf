"""A classification model without its last layer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hetmusic._torchvision import import_torchvision
from hetmusic.errors import FeatureError
from hetmusic.features.vision.weights import Source, read

if TYPE_CHECKING:
    import torch
    from torchvision.transforms._presets import ImageClassification

    from hetmusic.features.vision.weights import State

#: classifiers beside the trunk of GoogLeNet and Inception, for training alone
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")


def preprocessing(source: Source) -> ImageClassification:
    """How pictures are prepared: as the published weights say.

    For a file of one's own, unless it is named as torchvision names a published one, it is what ImageNet models were first
    trained with: for ResNet-50 the shorter side scaled to 256 pixels, of which the central 224 x 224 count.
    """
    models = import_torchvision().models
    entries = list(models.get_model_weights(source.model))
    if source.published is not None:
        return _preset(source.published)
    first = next((entry for entry in entries if entry.name == "IMAGENET1K_V1"), None)
    # the others were first trained at several sizes; without further arguments they are built for 224
    return _preset(first or next(entry for entry in entries if _preset(entry).crop_size == [224]))


def _preset(entry: Any) -> ImageClassification:
    made: ImageClassification = entry.transforms()
    return made


def build(source: Source) -> torch.nn.Module:
    """The model with its weights, up to what its last layer is given; in evaluation mode, on the CPU.

    :raises FeatureError: if the weights do not fit the model.
    """
    state = read(source)
    model: torch.nn.Module = import_torchvision().models.get_model(
        source.model, weights=None, **_arguments(source)
    )
    head = cut_head(model)
    _load(model, _trunk(state, head), source)
    return model.eval()


def _arguments(source: Source) -> dict[str, Any]:
    """What published weights imply that their files do not say, and what spares useless work."""
    if source.model in {"googlenet", "inception_v3"}:
        return {"transform_input": True, "aux_logits": False, "init_weights": False}
    if source.published is not None and source.model.startswith("vit_"):
        return {"image_size": source.published.meta["min_size"][0]}
    return {}


def cut_head(model: torch.nn.Module) -> str:
    """Replace the layer that gives the classes' scores by the identity; its name.

    It is the last linear layer, or, in a model that has none (SqueezeNet), the last convolution, whose scores the model
    averages over the picture.
    """
    from torch import nn

    named = list(model.named_modules())
    for kind in (nn.Linear, nn.Conv2d):
        layers: list[str] = [name for name, module in named if isinstance(module, kind)]
        if layers:
            parent, _, child = layers[-1].rpartition(".")
            setattr(model.get_submodule(parent), child, nn.Identity())
            return layers[-1]
    raise FeatureError(f"{type(model).__name__} has no linear layer and no convolution")


def _trunk(state: State, head: str) -> State:
    """The tensors of what is left of the model: classes may be any number of others."""
    dropped = (f"{head}.", *_AUXILIARY)
    kept = {name: value for name, value in state.items() if not name.startswith(dropped)}
    # DenseNets were published before torch refused dots in names
    return {re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2.", name): kept[name] for name in kept}


def _load(model: torch.nn.Module, state: State, source: Source) -> None:
    own = model.state_dict()
    # counts of training steps, which older files lack
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    unknown = [name for name in state if name not in own]
    shapes = [name for name in state if name in own and state[name].shape != own[name].shape]
    problems = []
    if missing:
        problems.append(f"{len(missing)} of {len(own)} tensors are missing (first: {missing[0]})")
    if unknown:
        problems.append(f"{len(unknown)} are unknown (first: {unknown[0]})")
    if shapes:
        is_, should = tuple(state[shapes[0]].shape), tuple(own[shapes[0]].shape)
        problems.append(f"{len(shapes)} have another shape (first: {shapes[0]} is {is_}, not {should})")
    if problems:
        raise FeatureError(f"weights {source.label} do not fit {source.model}: {', '.join(problems)}")
    broken = [name for name, value in state.items() if not value.isfinite().all()]
    if broken:
        raise FeatureError(
            f"weights {source.label} hold NaN or infinity in {len(broken)} of {len(state)} tensors (first: {broken[0]})"
        )
    model.load_state_dict(state, strict=False)
