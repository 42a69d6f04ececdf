"""Models in folders, in the cache and on a server; what can be wrong with each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import FeatureError
from hetmusic.features.text.model_files import find_model
from hetmusic.features.text.model_folder import missing_files
from hetmusic.features.text.sentence_transformer import MeanBert, SentenceTransformerText
from tests.features.text.hub import COMMIT, serving


@pytest.fixture
def copy(tiny_bert: Path, tmp_path: Path) -> Path:
    """A folder of the small BERT with modules of sentence-transformers, to be damaged."""
    folder = shutil.copytree(tiny_bert, tmp_path / "model")
    modules = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    described = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(zip(paths, modules, strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(described))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 16, "pooling_mode_mean_tokens": true}'
    )
    return folder


def error_of(name: str | Path, revision: str | None = None) -> str:
    with pytest.raises(FeatureError) as caught:
        SentenceTransformerText(str(name), revision=revision, overlap=0).load("cpu")
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_whole_folder_loads(copy: Path) -> None:
    extractor = SentenceTransformerText(str(copy), overlap=0)
    extractor.load("cpu")
    assert np.linalg.norm(extractor.extract([extractor.prepare("love")])) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        (["config.json"], "config.json"),
        (["model.safetensors"], "model.safetensors (or pytorch_model.bin)"),
        (["tokenizer.json", "vocab.txt"], "tokenizer.json (or vocab.txt)"),
        (["1_Pooling/config.json"], "1_Pooling/config.json"),
        (["config.json", "1_Pooling/config.json"], "config.json, 1_Pooling/config.json"),
    ],
)
def test_a_folder_that_lacks_a_file(copy: Path, lacks: list[str], named: str) -> None:
    for file in lacks:
        (copy / file).unlink(missing_ok=True)
    assert error_of(copy) == f"model folder {copy} lacks {named}"


def test_weights_in_parts(copy: Path) -> None:
    parts = {
        "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}
    }
    (copy / "model.safetensors.index.json").write_text(json.dumps(parts))
    (copy / "model.safetensors").rename(copy / "model-1.safetensors")
    assert missing_files(copy) == ["model-2.safetensors"]


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "lacks config.json, model.safetensors (or pytorch_model.bin), tokenizer.json" in error_of(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "named"),
    [
        ("model.safetensors", b"cut off", "cannot be loaded"),
        ("config.json", b"{", "cannot be loaded"),
        ("config.json", b'{"model_type": "nonsense"}', "cannot be loaded"),
        ("tokenizer.json", b"[]", "cannot be loaded"),
        ("modules.json", b"{", "modules.json cannot be read"),
        ("modules.json", b"[1]", "modules.json is not a list of modules"),
        ("1_Pooling/config.json", b'{"pooling_mode": "nonsense"}', "cannot be loaded"),
    ],
)
def test_damaged_files(copy: Path, file: str, content: bytes, named: str) -> None:
    (copy / file).write_bytes(content)
    message = error_of(copy)
    assert str(copy) in message
    assert named in message


def test_weights_of_another_model(copy: Path) -> None:
    """They would be drawn at random, with a warning alone."""
    from safetensors.numpy import save_file

    save_file({"layer.weight": np.zeros(3, np.float32)}, copy / "model.safetensors", {"format": "pt"})
    assert "39 of its 39 weights are not in model.safetensors, first embeddings." in error_of(copy)


def test_weights_without_the_head_or_with_a_prefix(copy: Path, tiny_bert: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    kept = {f"bert.{name}": value for name, value in weights.items() if "pooler" not in name}
    save_file(kept, copy / "model.safetensors", {"format": "pt"})
    found = []
    for folder in (copy, tiny_bert):
        extractor = MeanBert(str(folder), overlap=0)
        extractor.load("cpu")
        found.append(extractor.extract([extractor.prepare("love you")]))
    np.testing.assert_allclose(*found, atol=1e-6)


def test_names_that_are_none(tmp_path: Path, copy: Path) -> None:
    assert error_of(tmp_path / "nowhere") == f"model folder {tmp_path / 'nowhere'} does not exist"
    assert error_of("./nowhere") == "model folder ./nowhere does not exist"
    assert "is a file; the folder that it lies in is wanted" in error_of(copy / "config.json")
    assert "is a folder; revision 'v1' is for models of Hugging Face" in error_of(copy, "v1")
    assert "neither a folder nor a name of a model" in error_of("two  blanks")


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    message = error_of("all-MiniLM-L6-v2", "v1")
    assert message.startswith(
        "model sentence-transformers/all-MiniLM-L6-v2 at revision v1 is no folder, not in the cache, and cannot be "
        "downloaded: Hugging Face cannot be reached; give the folder of a copy, or download it on a machine that is"
    )
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in error_of("all-MiniLM-L6-v2")


def test_downloading(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is downloaded once is found without a network; formats of other libraries are not fetched."""
    (copy / "onnx").mkdir()
    (copy / "onnx" / "model.onnx").write_bytes(b"large")
    (copy / "pytorch_model.bin").write_bytes(b"large")
    with serving(copy, monkeypatch) as hub:
        found = find_model("me/tiny", "v1")
        assert not [path for path in hub.asked if path.endswith((".onnx", ".bin"))]
        assert "has no revision 'v2'" in error_of("me/tiny", "v2")
        assert "there is no model me/other: it is no folder, not in the cache" in error_of("me/other")
    assert found.identity == {"model": "me/tiny", "commit": COMMIT}
    assert missing_files(found.folder) == []
    assert find_model("me/tiny", "v1") == found
    assert find_model("me/tiny", COMMIT) == found
    extractor = SentenceTransformerText("me/tiny", revision="v1", overlap=0)
    assert extractor.settings()["commit"] == COMMIT
    extractor.load("cpu")
    local = SentenceTransformerText(str(copy), overlap=0)
    local.load("cpu")
    texts = ["love you", "cold night"]
    np.testing.assert_array_equal(
        extractor.extract([extractor.prepare(text) for text in texts]),
        local.extract([local.prepare(text) for text in texts]),
    )


def test_a_download_that_was_cut_off_is_completed(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(copy, monkeypatch):
        (find_model("me/tiny").folder / "model.safetensors").unlink()
        assert missing_files(find_model("me/tiny").folder) == []
        (find_model("me/tiny").folder / "model.safetensors").unlink()
    assert "model me/tiny is no folder, not in the cache, and cannot be downloaded" in error_of("me/tiny")


def test_weights_as_pickle_are_fetched_where_there_are_no_others(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with serving(copy, monkeypatch):
        extractor = MeanBert("me/tiny", overlap=0)
        extractor.load("cpu")
    assert extractor.extract([extractor.prepare("love you")]).shape == (1, 16)


def test_the_checksum_is_of_what_is_read(copy: Path) -> None:
    before = find_model(str(copy)).identity
    (copy / "README.md").write_text("read by nobody")
    assert find_model(str(copy)).identity == before
    (copy / "1_Pooling" / "config.json").write_text("{}")
    assert find_model(str(copy)).identity != before
