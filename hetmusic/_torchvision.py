"""torchvision beside a torch of another build.

torchvision's compiled operators load only beside the build of torch that they were made for. PyPI's torchvision for Linux
is made for CUDA, so beside torch's CPU build ``import torchvision`` fails with "operator torchvision::nms does not exist",
and with it everything that imports torchvision where it finds it, as transformers does. Models, weights and transforms
need none of these operators (they are for detection), so where they cannot be loaded, names without a body take their
place, and torchvision imports. Its own functions that need them go on to say that they are missing.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from hetmusic.errors import EnvironmentProblem

__all__ = ["import_torchvision", "make_importable", "operators_available"]

#: keeps the names defined: torch forgets them together with this object
_placeholders: Any = None


def make_importable() -> None:
    """See that ``import torchvision`` works, whoever does it from now on. Does nothing where it is not installed."""
    global _placeholders
    folder = _folder()
    if folder is None or "torchvision" in sys.modules or _placeholders is not None or operators_available():
        return
    import torch

    source = (folder / "_meta_registrations.py").read_text(encoding="utf-8")
    _placeholders = torch.library.Library("torchvision", "DEF")
    for name in dict.fromkeys(re.findall(r"""register_fake\(["']torchvision::(\w+)["']""", source)):
        _placeholders.define(f"{name}() -> ()")


def import_torchvision() -> Any:
    """The module torchvision.

    :raises EnvironmentProblem: if it is not installed, or cannot be imported all the same.
    """
    if _folder() is None:
        raise EnvironmentProblem("torchvision is not installed: run `pip install 'hetmusic[image]'`")
    make_importable()
    try:
        import torchvision
    except Exception as error:  # made for another torch altogether: nearly anything
        raise EnvironmentProblem(
            f"torchvision is installed but cannot be imported ({type(error).__name__}: {error}); install the release that "
            "belongs to your torch"
        ) from error
    return torchvision


def operators_available() -> bool:
    """Whether torchvision is installed and its compiled operators load beside the running torch."""
    import torch

    folder = _folder()
    if folder is None:
        return False
    for library in (*folder.glob("_C.so"), *folder.glob("_C.pyd"), *folder.glob("_C.*.so")):
        try:
            torch.ops.load_library(str(library))
        except (ImportError, OSError):
            return False
        return True
    return False


def _folder() -> Path | None:
    spec = importlib.util.find_spec("torchvision")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent
