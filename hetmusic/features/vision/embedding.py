"""Covers as what a classification model of torchvision makes of them before it names classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features.extraction.computing import is_out_of_memory
from hetmusic.features.extractor import Extractor, extractors
from hetmusic.features.pictures import read_picture
from hetmusic.features.vision.network import build, preprocessing
from hetmusic.features.vision.weights import Source, find

if TYPE_CHECKING:
    import torch
    from PIL import Image

#: a picture counts up to so many times as long as it is wide, or wide as it is long
_LONGEST = 8
#: JPEG files of both sides this many times those that the model scales to are decoded at half their size or less
_DECODED = 4


@extractors.register("torchvision")
class TorchvisionEmbedding(Extractor):
    """Covers through a classification model of torchvision, up to the pooled features before its last layer.

    A vector has as many values as the model's last layer is given: 2,048 for ResNet-50. Pictures are prepared as the
    weights want it; of those longer than 8 times their width (or the other way round), the middle counts.

    :param model: any of ``torchvision.models.list_models(module=torchvision.models)``.
    :param weights: the name of weights that torchvision publishes for it (``DEFAULT``, ``IMAGENET1K_V2``), downloaded
        into ``TORCH_HOME`` once, or the path of a ``.pth`` or ``.safetensors`` file with the model's tensors by name. Its
        classes may be others than ImageNet's.
    """

    kind = "image"
    name = "torchvision"

    def __init__(self, model: str = "resnet50", weights: str = "DEFAULT") -> None:
        self.model = model
        self.weights = str(weights)
        self._found: Source | None = None
        self._prepare: Any = None
        self._network: torch.nn.Module | None = None
        self._device: torch.device | None = None

    @property
    def _source(self) -> Source:
        if self._found is None:
            self._found = find(self.model, self.weights)
        return self._found

    @property
    def _preset(self) -> Any:
        if self._prepare is None:
            self._prepare = preprocessing(self._source)
        return self._prepare

    def settings(self) -> dict[str, Any]:
        """Model, weights with their checksum, and how pictures are prepared."""
        preset = self._preset
        return {
            "model": self.model,
            "weights": self._source.label,
            "sha256": self._source.checksum,
            "resize": preset.resize_size[0],
            "crop": preset.crop_size[0],
            "interpolation": preset.interpolation.value,
            "mean": preset.mean,
            "std": preset.std,
        }

    def load(self, device: str = "auto") -> None:
        """Download the weights if need be, and put the model on the device.

        :raises FeatureError: in one line, for weights that are not there or do not fit, or a device too small.
        """
        import torch

        from hetmusic._device import choose_device

        self._device = choose_device(device)
        network = build(self._source)
        try:
            self._network = network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise FeatureError(
                f"{self.model} does not fit into the memory of {self._device}; try cpu"
            ) from error

    def prepare(self, item: Path) -> torch.Tensor:
        """A picture as the model takes it: float32, shape ``(3, crop, crop)``."""
        preset = self._preset
        picture = read_picture(item, at_least=_DECODED * preset.resize_size[0])
        prepared: torch.Tensor = preset(middle(picture))
        return prepared

    def extract(self, batch: Sequence[Any]) -> NDArray[np.floating[Any]]:
        """The model's pooled features, float32, shape ``(len(batch), dim)``."""
        import torch

        if self._network is None:
            raise FeatureError(f"{type(self).__name__}.load has to come before extract")
        pictures = torch.stack(list(batch))
        with torch.inference_mode():
            placed = pictures.to(self._device, memory_format=torch.channels_last)
            values: NDArray[np.floating[Any]] = self._network(placed).float().cpu().numpy()
        return values


@extractors.register("resnet50")
class ResNet50(TorchvisionEmbedding):
    """Covers through ResNet-50 (He et al. 2016): 2,048 values.

    :param weights: as for ``torchvision``.
    """

    name = "resnet50"

    def __init__(self, weights: str = "DEFAULT") -> None:
        super().__init__("resnet50", weights)


def middle(picture: Image.Image) -> Image.Image:
    """The middle of a picture that is far from square: scaled by its shorter side, it would have millions of pixels."""
    width, height = picture.size
    wide, high = min(width, _LONGEST * height), min(height, _LONGEST * width)
    left, top = (width - wide) // 2, (height - high) // 2
    return picture if (wide, high) == (width, height) else picture.crop((left, top, left + wide, top + high))
