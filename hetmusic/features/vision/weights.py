"""Weights of torchvision's classification models: those that torchvision publishes, and files of one's own."""

from __future__ import annotations

import functools
import io
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hetmusic._io import sha256
from hetmusic._torchvision import import_torchvision
from hetmusic.errors import FeatureError, did_you_mean
from hetmusic.features.model_source import network_patience, one_line

if TYPE_CHECKING:
    import torch
    from torchvision.models import WeightsEnum

    State = Mapping[str, torch.Tensor]

_log = logging.getLogger(__name__)

#: seconds without a byte after which a download is given up
_PATIENCE = 30.0
#: names under which training scripts keep the weights in a checkpoint
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_SUFFIXES = (".pth", ".pt", ".bin", ".tar", ".ckpt", ".safetensors")


@dataclass(frozen=True)
class Source:
    """Where the weights of a model come from.

    Published weights may still have to be downloaded; their file's name then has the first 8 hex digits of its SHA-256.
    """

    model: str
    file: Path
    #: the published weights that the file holds or is named like
    published: WeightsEnum | None
    #: whether the user named the file
    own: bool

    @property
    def label(self) -> str:
        """What they are called in messages and in what is stored."""
        return self.file.name if self.own or self.published is None else str(self.published)

    @property
    def checksum(self) -> str:
        """SHA-256 of the file; of published weights that torchvision has checked or will check, its first 8 digits."""
        promised = re.search(r"-([0-9a-f]{8,})\.", self.file.name)
        if not self.own and promised and not self.file.exists():
            return promised[1]
        found = _sha256_once(self.file, self.file.stat().st_mtime_ns)
        return promised[1] if not self.own and promised and found.startswith(promised[1]) else found


@functools.lru_cache(maxsize=8)
def _sha256_once(file: Path, changed: int) -> str:
    return sha256(file)


def find(model: str, weights: str) -> Source:
    """Find weights by the name of published ones (``DEFAULT``, ``IMAGENET1K_V2``) or by a file's path.

    :raises FeatureError: if torchvision has no such classification model, or there are no such weights.
    """
    models = import_torchvision().models
    names = models.list_models(module=models)
    if model not in names:
        raise FeatureError(
            f"torchvision has no classification model {model!r}{did_you_mean(model, names)}; it has {_some(names)}"
        )
    published = models.get_model_weights(model)
    name = weights.removeprefix(f"{published.__name__}.")
    if name in published.__members__:
        entry = published[name]
        return Source(model, _cached(entry.url), entry, own=False)
    file = Path(weights).expanduser()
    if not (file.exists() or file.suffix in _SUFFIXES or os.sep in weights):
        raise FeatureError(
            f"{model} has no published weights {weights!r}{did_you_mean(name, published.__members__)}; it has "
            f"{', '.join(published.__members__)}; or give the path of a .pth or .safetensors file"
        )
    if not file.is_file():
        raise FeatureError(f"weights {file}: {'not a file' if file.exists() else 'no such file'}")
    same = next((entry for entry in published if _file_name(entry.url) == file.name), None)
    return Source(model, file, same, own=True)


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:5])} and {len(names) - 5} more" if len(names) > 6 else ", ".join(names)


def _file_name(url: str) -> str:
    return url.rpartition("/")[2]


def _cached(url: str) -> Path:
    """Where torchvision keeps the file (``TORCH_HOME``)."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / _file_name(url)


def read(source: Source) -> State:
    """The tensors by name, downloaded if need be.

    :raises FeatureError: in one line, if they cannot be downloaded or the file holds no tensors by name.
    """
    if source.published is not None and not source.own and not source.file.exists():
        _download(source.published, source.file)
    return _unwrapped(_tensors(source), source.file)


def _download(published: WeightsEnum, file: Path) -> None:
    """Let torchvision download and check a file."""
    _log.info("downloading %s to %s", published.url, file)
    try:
        # torch names the file on stdout
        with network_patience(_PATIENCE), redirect_stdout(io.StringIO()):
            published.get_state_dict(progress=sys.stderr.isatty(), check_hash=True, weights_only=True)
    except Exception as error:  # network, disk, proxy, checksum
        reason = " ".join(str(getattr(error, "reason", None) or error).split()) or type(error).__name__
        raise FeatureError(
            f"{published} cannot be downloaded ({reason}): download {published.url} elsewhere and put it into "
            f"{file.parent}, or name a file by the argument `weights`"
        ) from error


def _tensors(source: Source) -> Any:
    """What a file holds, without running code that it may carry."""
    import pickle

    import torch
    from safetensors.torch import load_file

    try:
        if source.file.suffix == ".safetensors":
            return load_file(source.file)
        return torch.load(source.file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = "it holds more than tensors, or is no weight file: save `model.state_dict()`"
        raise FeatureError(f"weights {source.file} cannot be read: {reason}") from error
    except Exception as error:  # damaged archives raise nearly anything
        again = "" if source.own else "; delete it to have it downloaded again"
        raise FeatureError(f"weights {source.file} cannot be read: {one_line(error)}{again}") from error


def _unwrapped(found: Any, file: Path) -> State:
    """Tensors by name, out of the checkpoint of a training script where that is what the file holds."""
    import torch

    for name in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not found:
        raise FeatureError(f"weights {file} hold {_kind(found)}, not tensors by name")
    wrong = [name for name, value in found.items() if not isinstance(value, torch.Tensor)]
    if wrong:
        raise FeatureError(
            f"weights {file} hold {_kind(found[wrong[0]])} under {wrong[0]!r}, not a tensor ({len(wrong)} of {len(found)} "
            "entries)"
        )
    # what torch.nn.DataParallel puts before every name
    if all(str(name).startswith("module.") for name in found):
        return {name.removeprefix("module."): value for name, value in found.items()}
    return {str(name): value for name, value in found.items()}


def _kind(value: Any) -> str:
    return "nothing" if isinstance(value, Mapping) and not value else type(value).__name__
