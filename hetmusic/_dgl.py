"""The one module that imports DGL.

The newest DGL wheel (2.1.0) loads a GraphBolt library at import that was compiled for torch <= 2.2.1 only, so a plain
``import dgl`` fails beside any current torch. hetmusic uses DGL's graphs, samplers, kernels and ``dgl.nn``, none of which
need GraphBolt. Where GraphBolt's library for the running torch is missing, a placeholder module takes its place, so that
DGL imports; touching an attribute of the placeholder says what happened. A user's own ``import dgl`` works after
``from hetmusic import dgl``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import Any, NoReturn

from hetmusic.errors import EnvironmentProblem

__all__ = ["dgl", "graphbolt_available"]


class _GraphBoltPlaceholder(types.ModuleType):
    """Stands in for ``dgl.graphbolt`` and explains itself when used."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"dgl.graphbolt.{name} is not available: the installed DGL carries no GraphBolt library for the running "
            "torch; hetmusic does not need it (see docs/installation.md)"
        )


def _graphbolt_library(dgl_folder: Path, torch_version: str) -> Path:
    suffix = {"darwin": "dylib", "win32": "dll"}.get(sys.platform, "so")
    prefix = "" if sys.platform == "win32" else "lib"
    return dgl_folder / "graphbolt" / f"{prefix}graphbolt_pytorch_{torch_version.split('+')[0]}.{suffix}"


def graphbolt_available() -> bool:
    """Whether DGL's GraphBolt library exists for the running torch."""
    import torch

    spec = importlib.util.find_spec("dgl")
    if spec is None or spec.origin is None:
        return False
    return _graphbolt_library(Path(spec.origin).parent, torch.__version__).exists()


def _import_dgl() -> Any:
    os.environ.setdefault("DGLBACKEND", "pytorch")
    if importlib.util.find_spec("dgl") is None:
        raise EnvironmentProblem(
            "DGL is not installed: run `pip install 'dgl>=2.1,<3'` (see docs/installation.md)"
        )
    if "dgl" not in sys.modules and not graphbolt_available():
        sys.modules["dgl.graphbolt"] = _GraphBoltPlaceholder("dgl.graphbolt")
    try:
        import dgl as module
    except (
        Exception
    ) as error:  # a broken binary can raise nearly anything; the user needs the reason and the way out
        # half of DGL stays behind in sys.modules, and a second import would take it for a whole one
        for name in [name for name in sys.modules if name == "dgl" or name.startswith("dgl.")]:
            del sys.modules[name]
        raise EnvironmentProblem(
            f"DGL is installed but cannot be imported ({type(error).__name__}: {error}); "
            "`hetmusic doctor` lists versions known to work"
        ) from error
    return module


dgl: Any = _import_dgl()
