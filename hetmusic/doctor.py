"""What the installation can do, found out by trying."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hetmusic.errors import UserError

Status = Literal["ok", "missing", "broken"]

#: optional package -> (extra that brings it, what it is for)
_OPTIONAL = {
    "sentence-transformers": ("text", "text features from language models"),
    "tensorflow": ("audio", "audio features from YAMNet"),
    "tensorflow-hub": ("audio", "audio features from YAMNet"),
    "torchvision": ("image", "cover features from ResNet"),
    "tensorboard": ("report", "`fit --tensorboard`"),
}
_REQUIRED = ("torch", "dgl", "numpy", "scipy", "polars", "pyarrow", "pydantic", "safetensors")


@dataclass(frozen=True)
class Check:
    """One thing that was tried."""

    name: str
    #: ``missing`` is optional, ``broken`` is not
    status: Status
    detail: str
    advice: str = ""


def diagnose() -> list[Check]:
    """Try everything; never raises."""
    checks = [_python(), *(_version(package) for package in _REQUIRED)]
    for name, check in (
        ("DGL import", _dgl),
        ("message passing", _message_passing),
        ("GraphBolt", _graphbolt),
        ("GPU", _gpu),
        ("DGL on a GPU", _dgl_on_gpu),
        ("threads", _threads),
    ):
        checks.append(_tried(name, check))
    checks.extend(_optional(package, *why) for package, why in _OPTIONAL.items())
    return checks


def _tried(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a broken installation can fail in any way; that is what is being looked for
        reason = " ".join(str(error).split())
        detail = reason if isinstance(error, UserError) else f"{type(error).__name__}: {reason}"
        return Check(
            name,
            "broken",
            detail,
            f"{_install('torch', 'dgl')} (docs/installation.md lists what fits together)",
        )


def _python() -> Check:
    version = platform.python_version()
    detail = f"{version} on {platform.system()} {platform.machine()}"
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        return Check(
            "Python", "broken", detail, "hetmusic runs on Python 3.10 to 3.12 (DGL 2.1 has no later wheels)"
        )
    return Check("Python", "ok", detail)


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _version(package: str) -> Check:
    version = _installed(package)
    if version is None:
        return Check(package, "broken", "not installed", _install(package))
    return Check(package, "ok", version)


def _install(*packages: str) -> str:
    """The command that installs required packages in versions that hetmusic accepts."""
    try:
        needed = importlib.metadata.requires("hetmusic") or []
    except importlib.metadata.PackageNotFoundError:
        needed = []
    bounds = {re.split(r"[^\w.-]", line)[0].lower(): line.split(";")[0].strip() for line in reversed(needed)}
    return "pip install " + " ".join(f"'{bounds.get(package, package)}'" for package in packages)


def _dgl() -> Check:
    from hetmusic._dgl import dgl

    return Check("DGL import", "ok", f"DGL {dgl.__version__} imports beside this torch")


def _graphbolt() -> Check:
    from hetmusic._dgl import graphbolt_available

    if graphbolt_available():
        return Check("GraphBolt", "ok", "DGL has its GraphBolt library for this torch")
    return Check(
        "GraphBolt",
        "missing",
        "DGL has no GraphBolt library for this torch, so a placeholder stands in for dgl.graphbolt",
        "nothing to do: hetmusic does not use GraphBolt",
    )


def _message_passing() -> Check:
    """A sum over one edge, by DGL's kernel and by hetmusic's."""
    import torch

    from hetmusic._dgl import dgl
    from hetmusic.graph.types import EdgeType
    from hetmusic.relations import RelationBlock

    likes = EdgeType("user", "likes", "song")
    graph = dgl.heterograph({tuple(likes): ([0, 1], [0, 0])}, num_nodes_dict={"user": 2, "song": 1})
    graph.nodes["user"].data["h"] = torch.tensor([[1.0], [2.0]])
    graph.update_all(dgl.function.copy_u("h", "m"), dgl.function.sum("m", "h"), etype="likes")
    ours = RelationBlock.from_dgl(graph, likes).sum(torch.tensor([[1.0], [2.0]]))
    if float(graph.nodes["song"].data["h"]) == 3.0 == float(ours):
        return Check("message passing", "ok", "DGL's and hetmusic's kernels agree on the CPU")
    return Check("message passing", "broken", "a sum of 1 and 2 did not give 3", "reinstall torch and dgl")


def _gpu() -> Check:
    import torch

    if not torch.cuda.is_available():
        why = "a CPU build of torch" if torch.version.cuda is None else "no usable CUDA device"
        return Check(
            "GPU", "missing", f"none ({why}); training runs on the CPU", "see docs/installation.md for GPUs"
        )
    names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    half = "with" if torch.cuda.is_bf16_supported(including_emulation=False) else "without"
    detail = f"{names} (CUDA {torch.version.cuda}), {half} bfloat16; sampling stays on the CPU"
    several = torch.cuda.device_count() > 1
    return Check("GPU", "ok", detail + ("; torchrun trains on all of them" if several else ""))


def _dgl_on_gpu() -> Check:
    """Whether DGL's own convolutions run where training would."""
    import torch

    if not torch.cuda.is_available():
        return Check("DGL on a GPU", "ok", "not needed: training runs on the CPU")
    from hetmusic.relations.dgl_graphs import has_kernels

    if has_kernels(torch.device("cuda", 0)):
        return Check("DGL on a GPU", "ok", "DGL has kernels for it")
    return Check(
        "DGL on a GPU",
        "missing",
        'DGL is a CPU build, which device = "cuda" does not mind: messages are passed by torch',
        "nothing to do, unless a relation uses a convolution of DGL: take an encoder of hetmusic there, or train on the CPU",
    )


def _threads() -> Check:
    import torch

    detail = f"torch uses {torch.get_num_threads()} of {os.cpu_count()} cores"
    chosen = os.environ.get("OMP_NUM_THREADS")
    return Check("threads", "ok", detail + (f" (OMP_NUM_THREADS={chosen})" if chosen else ""))


def _optional(package: str, extra: str, purpose: str) -> Check:
    version = _installed(package)
    if version is None:
        return Check(
            package, "missing", f"not installed; needed for {purpose}", f"pip install 'hetmusic[{extra}]'"
        )
    return Check(package, "ok", version)
