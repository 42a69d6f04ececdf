"""TensorFlow beside torch: it takes the threads it is given, and no memory of a GPU that it is not asked to use."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hetmusic.errors import EnvironmentProblem, FeatureError

_log = logging.getLogger(__name__)

INSTALL = "pip install 'hetmusic[audio]'"


def tensorflow_for(device: str, threads: int | None) -> Any:
    """The module ``tensorflow``, set up.

    A program that has computed with TensorFlow before keeps the set-up that it had then.

    :param device: ``auto`` and ``cpu`` hide the GPUs from TensorFlow; ``cuda`` and ``cuda:N`` show one, whose memory is
        taken as it is needed.
    :param threads: for one operation; by default ``OMP_NUM_THREADS``, or half of the processors.
    :raises EnvironmentProblem: if TensorFlow is not installed.
    :raises FeatureError: if there is no such GPU.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise EnvironmentProblem(f"yamnet needs TensorFlow and tensorflow-hub: {INSTALL}")
    number = _gpu_number(device)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _quiet():
        import tensorflow

        gpus = tensorflow.config.list_physical_devices("GPU")
    if number is not None and number >= len(gpus):
        raise FeatureError(f"device {device!r} is not available: TensorFlow sees {len(gpus)} GPU(s)")
    wanted = [] if number is None else [gpus[number]]
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads or default_threads())
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        tensorflow.config.set_visible_devices(wanted, "GPU")
        for gpu in wanted:
            tensorflow.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # it has been used already
        _log.info("TensorFlow is in use: its threads and devices stay as they are")
    return tensorflow


def tensorflow_hub() -> Any:
    """The module ``tensorflow_hub``.

    :raises EnvironmentProblem: if it cannot be imported.
    """
    try:
        with _quiet():
            import tensorflow_hub
    except ModuleNotFoundError as error:
        remedy = "pip install 'setuptools<81'" if error.name == "pkg_resources" else INSTALL
        raise EnvironmentProblem(f"tensorflow-hub cannot be imported (no {error.name}): {remedy}") from error
    return tensorflow_hub


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what TensorFlow's libraries write about themselves while they are loaded from the standard error stream.

    They write some of it before they heed any setting.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with warnings.catch_warnings(), open(os.devnull, "wb") as nowhere:
        warnings.simplefilter("ignore")
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def default_threads() -> int:
    """What ``OMP_NUM_THREADS`` says, or half of the processors that the process may use."""
    stated = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if stated.isdigit() and int(stated) > 0:
        return int(stated)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, available // 2)


def _gpu_number(device: str) -> int | None:
    """Which GPU a device's name means, or None for the processor."""
    kind, colon, number = device.partition(":")
    if kind == "cuda" and (not colon or number.isdigit()):
        return int(number or 0)
    if device in {"auto", "cpu"}:
        return None
    raise FeatureError(f"unknown device {device!r}; use auto, cpu, cuda or cuda:N")
