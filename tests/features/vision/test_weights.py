"""Weights by name and from files: found, downloaded, refused."""

from __future__ import annotations

import hashlib
import http.server
import io
import re
import socket
import threading
from pathlib import Path

import pytest
import safetensors.torch
import torch

from hetmusic.errors import FeatureError
from hetmusic.features.vision import weights as module
from hetmusic.features.vision.embedding import TorchvisionEmbedding
from hetmusic.features.vision.network import build
from hetmusic.features.vision.weights import find, read

TINY = "squeezenet1_1"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """The folder of torchvision's downloads."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def saved(tmp_path):
    """Saves what a weight file should hold; its path as the user gives it."""

    def save(content: object, name: str = "w.pth") -> str:
        torch.save(content, tmp_path / name)
        return str(tmp_path / name)

    return save


def refused(model: str, weights: str) -> str:
    """The one line that says why weights cannot be used."""
    with pytest.raises(FeatureError) as caught:
        build(find(model, weights))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_unknown_names_are_one_line():
    assert refused("resnet5", "DEFAULT").startswith(
        "torchvision has no classification model 'resnet5' (did you mean 'resnet50'?); it has alexnet, "
    )
    assert "did you mean 'IMAGENET1K_V2'" in refused("resnet50", "IMAGENET1K_V3")
    assert "or give the path of a .pth or .safetensors file" in refused("resnet50", "best")
    # detection and video models are no classification models
    assert "no classification model 'fasterrcnn_resnet50_fpn'" in refused(
        "fasterrcnn_resnet50_fpn", "DEFAULT"
    )


def test_paths_that_lead_nowhere(tmp_path):
    assert refused(TINY, "nowhere.pth") == "weights nowhere.pth: no such file"
    assert refused(TINY, str(tmp_path / "nowhere")).endswith("no such file")
    assert refused(TINY, str(tmp_path)).endswith("not a file")


@pytest.mark.parametrize("name", ["plain.pth", "plain.safetensors", "wrapped.tar", "parallel.pt", "half.pth"])
def test_files_of_every_kind_give_the_same_tensors(tmp_path, tiny_state, name):
    if name.endswith(".safetensors"):
        safetensors.torch.save_file(tiny_state, tmp_path / name)
    else:
        content = {
            "plain": tiny_state,
            "wrapped": {"epoch": 3, "state_dict": tiny_state, "best": 0.5},
            "parallel": {f"module.{key}": value for key, value in tiny_state.items()},
            "half": {key: value.half() for key, value in tiny_state.items()},
        }[name.partition(".")[0]]
        torch.save(content, tmp_path / name)
    state = build(find(TINY, str(tmp_path / name))).state_dict()
    assert set(state) == set(tiny_state) - {"classifier.1.weight", "classifier.1.bias"}
    for key, value in state.items():
        torch.testing.assert_close(value, tiny_state[key], rtol=1e-3 if "half" in name else 0, atol=1e-4)
        assert value.dtype == torch.float32


def test_classes_may_be_others_than_imagenets(make_model, saved):
    places = make_model(TINY, num_classes=365).state_dict()
    assert build(find(TINY, saved(places))).classifier[0] is not None
    places = {key: value for key, value in places.items() if not key.startswith("classifier")}
    build(find(TINY, saved(places)))


def test_misfits_are_counted_with_the_first_of_each_kind(tiny_state, saved):
    wrong = dict(tiny_state)
    del wrong["features.3.squeeze.weight"], wrong["features.3.squeeze.bias"]
    wrong["features.0.weight"] = torch.zeros(64, 3, 7, 7)
    wrong["extra.weight"] = torch.zeros(1)
    assert refused(TINY, saved(wrong)) == (
        "weights w.pth do not fit squeezenet1_1: 2 of 50 tensors are missing (first: features.3.squeeze.weight), 1 are "
        "unknown (first: extra.weight), 1 have another shape (first: features.0.weight is (64, 3, 7, 7), not (64, 3, 3, 3))"
    )
    assert "do not fit resnet18: " in refused("resnet18", saved(tiny_state))
    broken = {**tiny_state, "features.0.bias": torch.full((64,), float("nan"))}
    assert "hold NaN or infinity in 1 of 50 tensors (first: features.0.bias)" in refused(TINY, saved(broken))


def test_training_counts_and_auxiliary_classifiers_may_be_missing(make_model, saved):
    state = make_model("resnet18").state_dict()
    old = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    assert len(old) < len(state)
    build(find("resnet18", saved(old)))
    for auxiliary in (True, False):
        state = make_model("googlenet", aux_logits=auxiliary, init_weights=False).state_dict()
        assert build(find("googlenet", saved(state))).transform_input


def test_old_names_in_densenets(make_model, saved):
    state = make_model("densenet121").state_dict()
    old = {re.sub(r"(denselayer\d+\.\D+)(\d)\.", r"\1.\2.", key): value for key, value in state.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.testing.assert_close(
        build(find("densenet121", saved(old))).features.denseblock1.denselayer1.norm1.weight,
        state["features.denseblock1.denselayer1.norm1.weight"],
    )


class Harmful:
    """Would create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_files_that_hold_something_else(tmp_path, saved, tiny_state):
    assert "hold list, not tensors by name" in refused(TINY, saved([1, 2]))
    assert "hold nothing, not tensors by name" in refused(TINY, saved({}))
    assert "hold int under 'epoch', not a tensor (1 of 53 entries)" in refused(
        TINY, saved({**tiny_state, "epoch": 3})
    )
    # a whole model: nothing of it is run
    assert "save `model.state_dict()`" in refused(TINY, saved(torch.nn.Linear(1, 1)))
    assert "save `model.state_dict()`" in refused(TINY, saved({"a": Harmful(tmp_path / "ran")}))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_damaged_files(tmp_path, tiny_state, name):
    buffer = io.BytesIO()
    torch.save(tiny_state, buffer)
    good = safetensors.torch.save(tiny_state) if name.endswith("safetensors") else buffer.getvalue()
    for content in (b"", b"garbage", good[:1000], good[:-1000], b"\0" * 5000, b"<html>404</html>"):
        (tmp_path / name).write_bytes(content)
        assert refused(TINY, str(tmp_path / name)).startswith(f"weights {tmp_path / name} cannot be read: ")


class Server(http.server.ThreadingHTTPServer):
    """Serves one body under any name on 127.0.0.1 and counts the requests."""

    body = b""
    requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tiny_state):
    buffer = io.BytesIO()
    torch.save(tiny_state, buffer)
    with Server(("127.0.0.1", 0), Handler) as running:
        running.body = buffer.getvalue()
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def published(models, monkeypatch):
    """Moves the published weights of the tiny model to another address."""
    entry = models.get_model_weights(TINY).DEFAULT

    def move(url: str) -> None:
        monkeypatch.setattr(entry.value, "url", url)

    return move


def test_published_weights_are_downloaded_once_and_checked(home, server, published, capfd):
    digest = hashlib.sha256(server.body).hexdigest()
    published(f"http://127.0.0.1:{server.server_port}/squeezenet1_1-{digest[:8]}.pth")
    extractor = TorchvisionEmbedding(TINY)
    before = extractor.settings()
    assert before["weights"] == "SqueezeNet1_1_Weights.IMAGENET1K_V1"
    assert before["sha256"] == digest[:8]
    for _ in range(2):
        extractor.load("cpu")
    assert server.requests == 1
    assert [path.name for path in home.iterdir()] == [f"squeezenet1_1-{digest[:8]}.pth"]
    # what results are cached under must not change by the download
    assert TorchvisionEmbedding(TINY).settings() == before
    assert capfd.readouterr() == ("", "")


def test_a_download_that_is_something_else_is_refused(home, server, published):
    published(f"http://127.0.0.1:{server.server_port}/squeezenet1_1-00000000.pth")
    assert "cannot be downloaded (invalid hash value" in refused(TINY, "DEFAULT")
    assert not list(home.iterdir())


def test_no_network_is_one_line_that_says_what_to_do(home, published):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/squeezenet1_1-b8a52dc0.pth"
        published(url)
        said = refused(TINY, "DEFAULT")
    assert said.startswith(
        "SqueezeNet1_1_Weights.IMAGENET1K_V1 cannot be downloaded ([Errno 111] Connection refused)"
    )
    assert said.endswith(
        f": download {url} elsewhere and put it into {home}, or name a file by the argument `weights`"
    )


def test_a_network_that_swallows_everything_is_given_up(home, published, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        published(f"http://127.0.0.1:{silent.getsockname()[1]}/squeezenet1_1-b8a52dc0.pth")
        assert "cannot be downloaded (timed out)" in refused(TINY, "DEFAULT")
    assert socket.getdefaulttimeout() is None


def test_files_put_where_downloads_go_are_used(home, tiny_state, models):
    """As people do who have no network; the file's real checksum is what counts then."""
    entry = models.get_model_weights(TINY).DEFAULT
    home.mkdir(parents=True)
    path = home / entry.url.rpartition("/")[2]
    torch.save(tiny_state, path)
    source = find(TINY, "DEFAULT")
    assert source.checksum == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(read(source)) == set(tiny_state)
    path.write_bytes(path.read_bytes()[:5000])
    assert refused(TINY, "DEFAULT").endswith("; delete it to have it downloaded again")


def test_a_file_named_like_published_weights_is_prepared_like_them(tmp_path, resnet50_file):
    # ResNet-50's second weights want pictures scaled to 232 pixels, a file of another name the standard 256
    for name, resize in (("resnet50-11ad3fa6.pth", 232), ("resnet50-0676ba61.pth", 256), ("mine.pth", 256)):
        (tmp_path / name).symlink_to(resnet50_file)
        stated = TorchvisionEmbedding("resnet50", str(tmp_path / name)).settings()
        assert (stated["resize"], stated["crop"], stated["weights"]) == (resize, 224, name)
        assert len(stated["sha256"]) == 64


def test_models_whose_first_weights_want_another_size(tmp_path, models, make_model):
    (tmp_path / "w.pth").write_bytes(b"x")
    for name, size in (("vit_h_14", 224), ("regnet_y_128gf", 224), ("inception_v3", 299), ("swin_v2_t", 256)):
        assert TorchvisionEmbedding(name, str(tmp_path / "w.pth")).settings()["crop"] == size


def test_every_published_file_promises_a_checksum(models, home):
    for name in models.list_models(module=models):
        for entry in models.get_model_weights(name):
            assert re.fullmatch(r"[0-9a-f]{8,}", find(name, entry.name).checksum)
