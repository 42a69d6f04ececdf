"""Models that are there, are none, or cannot be had: what is loaded, and the one line that says why not."""

from __future__ import annotations

import io
import shutil
import socket
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hetmusic.errors import EnvironmentProblem, FeatureError
from hetmusic.features import YamnetAudio
from hetmusic.features.yamnet import model as module
from hetmusic.features.yamnet import runtime
from hetmusic.features.yamnet.extractor import Sound
from tests.features.yamnet.saved_models import save_other


def line(model: str | Path, device: str = "cpu", **options: Any) -> str:
    """The message of the error that loading ends with."""
    with pytest.raises(FeatureError) as caught:
        YamnetAudio(str(model), **options).load(device)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


class _Hub(BaseHTTPRequestHandler):
    archive = b""
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.archive)))
        self.end_headers()
        self.wfile.write(self.archive if "yamnet" in self.path else b"no archive")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub(
    yamnet_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, list[str]]]:
    """Where models are to be had, and what was asked for there."""
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(yamnet_folder, arcname=".")
    asked: list[str] = []
    handler = type("Handler", (_Hub,), {"archive": packed.getvalue(), "asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def test_a_handle_is_downloaded_once(hub: tuple[str, list[str]], yamnet_folder: Path, tmp_path: Path) -> None:
    address, asked = hub
    sound = Sound(Path("none"), np.ones(20_000, np.float32))
    local = YamnetAudio(str(yamnet_folder))
    local.load("cpu")
    for _ in range(2):
        extractor = YamnetAudio(f"{address}/google/yamnet/1")
        extractor.load("cpu")
        np.testing.assert_allclose(extractor.extract([sound]), local.extract([sound]))
    assert asked == ["/google/yamnet/1?tf-hub-format=compressed"]
    assert list((tmp_path / "cache").glob("*/saved_model.pb"))
    assert extractor.settings()["model"] == f"{address}/google/yamnet/1"


def test_what_cannot_be_downloaded_is_one_line(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    address, _ = hub
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/google/yamnet/1"
        message = line(nobody)
    assert message.startswith(f"model {nobody} is not in the cache of tensorflow-hub ({tmp_path / 'cache'})")
    assert "refused" in message
    assert "404" in line(f"{address}/missing/1")
    assert "cannot be downloaded" in line(f"{address}/broken/1")
    assert "cannot be downloaded" in line("ftp://127.0.0.1/google/yamnet/1")


def test_a_network_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert "timed out" in line(f"http://127.0.0.1:{silent.getsockname()[1]}/google/yamnet/1")
    assert socket.getdefaulttimeout() is None


def test_a_folder_is_missing_or_lacks_a_file(yamnet_folder: Path, tmp_path: Path) -> None:
    assert line(tmp_path / "nowhere").startswith(f"model folder {tmp_path / 'nowhere'} does not exist")
    assert line(tmp_path).endswith("is no SavedModel: it has no saved_model.pb")
    with pytest.raises(FeatureError, match=r"has no saved_model\.pb"):
        YamnetAudio(str(tmp_path)).settings()
    folder = tmp_path / "cut"
    shutil.copytree(yamnet_folder, folder)
    shutil.rmtree(folder / "variables")
    assert line(folder).startswith(f"model {folder} cannot be loaded: ")
    content = (yamnet_folder / "saved_model.pb").read_bytes()
    (folder / "saved_model.pb").write_bytes(content[: len(content) // 2])
    assert line(folder).startswith(f"model {folder} cannot be loaded: ")


@pytest.mark.parametrize("how", ["two", "widths", "batch"])
def test_another_signature_is_named(tensorflow: Any, tmp_path: Path, how: str) -> None:
    folder = save_other(tmp_path / "other", tensorflow, how)
    assert line(folder).startswith(f"model {folder} has another signature than YAMNet")


def test_a_model_without_a_call_is_none(tensorflow: Any, tmp_path: Path) -> None:
    tensorflow.saved_model.save(tensorflow.Module(), str(tmp_path / "empty"))
    assert "has another signature" in line(tmp_path / "empty")


def test_there_are_so_many_classes(yamnet_folder: Path) -> None:
    assert line(yamnet_folder, top_scores=522) == "top_scores is 522, and the model has 521 classes"


def test_a_gpu_that_is_not_there_is_named(yamnet_folder: Path) -> None:
    assert "TensorFlow sees 0 GPU(s)" in line(yamnet_folder, device="cuda:7")
    assert line(yamnet_folder, device="tpu") == "unknown device 'tpu'; use auto, cpu, cuda or cuda:N"


def test_without_tensorflow_the_remedy_is_named(yamnet_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EnvironmentProblem, match=r"hetmusic\[audio\]"):
        YamnetAudio(str(yamnet_folder)).load()
    monkeypatch.undo()
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_hub", None)
    with pytest.raises(EnvironmentProblem, match="cannot be imported"):
        YamnetAudio(str(yamnet_folder)).load()
