"""TensorFlow takes seconds to import and to trace: once for all tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hetmusic.features import YamnetAudio
from hetmusic.features.yamnet.runtime import tensorflow_for
from tests.features.yamnet.saved_models import save_yamnet


@pytest.fixture(scope="session")
def tensorflow() -> Any:
    return tensorflow_for("cpu", 1)


@pytest.fixture(scope="session")
def yamnet_folder(tensorflow: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_yamnet(tmp_path_factory.mktemp("yamnet") / "model", tensorflow)


@pytest.fixture(scope="session")
def loaded(yamnet_folder: Path) -> YamnetAudio:
    extractor = YamnetAudio(str(yamnet_folder), pooling="mean+sd", top_scores=521, threads=1)
    extractor.load("cpu")
    return extractor
