"""Weights and trainer state on disk: safetensors and JSON, no pickle, old or new and never half."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hetmusic._foreign import is_foreign
from hetmusic._io import read_json, replacing_file, write_json
from hetmusic._resolve import text_of
from hetmusic.errors import RunError

_POINTER = "latest.json"


def save_weights(path: Path, model: nn.Module) -> None:
    """Write a model's parameters and persistent buffers."""
    _save_tensors(path, model.state_dict())


def load_weights(path: Path, model: nn.Module) -> None:
    """Read weights into a model of the same structure.

    :raises RunError: if the file is missing or damaged, or belongs to another structure.
    """
    _load_into(model, _load_tensors(path), path)


def _load_into(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError as problem:
        reason = _misfit(model, tensors) or " ".join(str(problem).split())
        raise RunError(f"{path} does not fit the model of this run's configuration: {reason}") from None


def _misfit(model: nn.Module, tensors: Mapping[str, Tensor]) -> str:
    """Which weights a model and a file do not share, and whose they are if they are those of another package's class."""
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: "is not in the file" for name in shapes if name not in tensors}
    found |= {name: "is not in the model" for name in tensors if name not in shapes}
    found |= {
        name: f"has shape {tuple(tensors[name].shape)} in the file and {shape} in the model"
        for name, shape in shapes.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    }
    if not found:
        return ""
    first = next(iter(found))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    owner = next(
        (m for path, m in model.named_modules() if _is_own(m) and first.startswith(f"{path}.")), None
    )
    hint = (
        f"; {text_of(owner)} was another when the run was fitted: bring its layers back, or fit again"
        if owner is not None
        else ""
    )
    return f"{first} {found[first]}{more}{hint}"


def _is_own(module: nn.Module) -> bool:
    """Whether a module's class is neither hetmusic's nor torch's."""
    return is_foreign(type(module)) and not type(module).__module__.startswith("torch.")


class StateFolder:
    """What an exact resume needs, one sub-folder an epoch; a pointer file names the newest complete one.

    A process killed at any moment leaves the pointer on a complete state.

    :param folder: the run's ``state`` folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        """Whether any epoch's state was saved."""
        return (self.folder / _POINTER).is_file()

    def save(
        self,
        epoch: int,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: Mapping[str, Tensor],
        trainer: dict[str, Any],
    ) -> None:
        """Write the state after an epoch and drop older ones.

        :param trainer: JSON-serialisable remainder (early stopping, ...).
        """
        name = f"epoch-{epoch:05d}"
        target = self.folder / name
        shutil.rmtree(target, ignore_errors=True)  # left by a process killed before it moved the pointer
        save_weights(target / "model.safetensors", model)
        moments, steps = _flatten(optimizer)
        _save_tensors(target / "optimizer.safetensors", moments)
        _save_tensors(target / "average.safetensors", average)
        write_json(target / "trainer.json", {**trainer, "epoch": epoch, "steps": steps})
        write_json(self.folder / _POINTER, {"state": name})
        for old in self.folder.glob("epoch-*"):
            if old.name != name:
                shutil.rmtree(old, ignore_errors=True)

    def load(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, average: dict[str, Tensor]
    ) -> dict[str, Any]:
        """Read the newest state into model, optimiser and running average.

        :return: what was given as ``trainer``, and ``epoch``.
        :raises RunError: if there is no state (:attr:`exists`) or it is damaged.
        """
        folder = self.folder / _read(self.folder / _POINTER, "state")["state"]
        trainer = _read(folder / "trainer.json", "epoch", "steps", "stopping")
        load_weights(folder / "model.safetensors", model)
        _restore(optimizer, _load_tensors(folder / "optimizer.safetensors"), trainer.pop("steps"))
        for name, value in _load_tensors(folder / "average.safetensors").items():
            average[name].copy_(value)
        return trainer


def _read(path: Path, *fields: str) -> dict[str, Any]:
    value = read_json(path, RunError)
    if not isinstance(value, dict) or not set(fields) <= value.keys():
        raise RunError(f"{path} is damaged: it does not hold {', '.join(fields)}")
    return value


def _save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plain: dict[str, Tensor] = {}
    written: set[int] = set()
    for name, value in tensors.items():
        saved = value.detach().cpu().contiguous()
        # what several modules share (tied weights) is written under each name: the format knows no sharing
        plain[name] = saved.clone() if saved.data_ptr() in written else saved
        written.add(saved.data_ptr())
    with replacing_file(path) as temporary:
        save_file(plain, temporary)


def _load_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise RunError(f"{path} is missing; the run is incomplete")
    try:
        return load_file(path)
    except (SafetensorError, OSError, json.JSONDecodeError, ValueError) as problem:
        raise RunError(f"{path} is damaged: {problem}") from None


def _flatten(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Tensors and step counts of the optimiser, named by parameter position."""
    tensors: dict[str, Tensor] = {}
    steps: dict[str, float] = {}
    for position, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if name == "step":
                steps[str(position)] = float(value)
            elif isinstance(value, Tensor):
                tensors[f"{position}.{name}"] = value
    return tensors, steps


def _restore(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], steps: Mapping[str, float]
) -> None:
    state: dict[int, dict[str, Tensor]] = {int(position): {} for position in steps}
    for name, value in tensors.items():
        position, _, key = name.partition(".")
        state[int(position)][key] = value
    for position, step in steps.items():
        state[int(position)]["step"] = torch.tensor(step)
    whole = optimizer.state_dict()
    whole["state"] = state
    optimizer.load_state_dict(whole)
