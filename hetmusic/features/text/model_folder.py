"""Which files a folder with a language model has to have, and which of them make its vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hetmusic.errors import FeatureError

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
#: modules of sentence-transformers that have weights of their own, and that have a configuration alone
_WITH_WEIGHTS, _WITH_CONFIGURATION = {"Dense", "LayerNorm"}, {"Pooling"}
_READ = {".json", ".txt", ".model", ".safetensors", ".bin"}


def missing_files(folder: Path) -> list[str]:
    """Names of the files that the model needs and the folder lacks; alternatives are given as such.

    The folder is one of sentence-transformers (with ``modules.json``) or of transformers. Modules that are not known here
    are left to the library.

    :raises FeatureError: if a file that names others cannot be read.
    """
    return [file for name, kind in _modules(folder) for file in _missing(folder, name, kind)]


def files_read(folder: Path) -> list[Path]:
    """The files whose contents the vectors depend on, sorted."""
    found = {
        path
        for name, _ in _modules(folder)
        for path in (folder, folder / name)
        if path.is_dir()
        for path in path.iterdir()
        if path.suffix in _READ and path.is_file()
    }
    pickles = {p for p in found if p.suffix == ".bin" and list(p.parent.glob("model*.safetensors"))}
    return sorted(found - pickles)


def _modules(folder: Path) -> Iterator[tuple[str, str]]:
    """Subfolder and class of every module."""
    if not (folder / "modules.json").is_file():
        yield "", "Transformer"
        return
    modules = _json(folder / "modules.json")
    try:
        yield from [(module["path"], module["type"].rsplit(".", 1)[-1]) for module in modules]
    except (AttributeError, KeyError, TypeError):
        raise FeatureError(f"{folder / 'modules.json'} is not a list of modules with path and type") from None


def _missing(folder: Path, name: str, kind: str) -> Iterator[str]:
    def lacks(*files: str) -> bool:
        return not any((folder / name / file).is_file() for file in files)

    def named(file: str) -> str:
        return (Path(name) / file).as_posix()

    if kind in {"Transformer", *_WITH_WEIGHTS, *_WITH_CONFIGURATION} and lacks("config.json"):
        yield named("config.json")
    if kind in {"Transformer", *_WITH_WEIGHTS}:
        indices = [f"{file}.index.json" for file in _WEIGHTS if not lacks(f"{file}.index.json")]
        if indices:
            shards = _json(folder / name / indices[0]).get("weight_map", {}).values()
            yield from (named(shard) for shard in sorted(set(shards)) if lacks(shard))
        elif lacks(*_WEIGHTS, "adapter_model.safetensors"):
            yield f"{named(_WEIGHTS[0])} (or {_WEIGHTS[1]})"
    if kind == "Transformer" and lacks(*_TOKENIZERS):
        yield f"{named(_TOKENIZERS[0])} (or {_TOKENIZERS[1]})"


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FeatureError(f"{path} cannot be read: {error}") from None
