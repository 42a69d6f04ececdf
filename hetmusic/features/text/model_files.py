"""Where the files of a language model are: a folder, Hugging Face's cache, or Hugging Face itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hetmusic.errors import FeatureError
from hetmusic.features.model_source import folder_checksum, one_line
from hetmusic.features.text.model_folder import files_read, missing_files

#: Formats of the same weights that other libraries read.
_NOT_READ = [
    "onnx/*",
    "openvino/*",
    "coreml/*",
    "*.onnx",
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.tflite",
    "*.gguf",
    "*.png",
]
#: Weights as a pickle, wanted only where there are none as safetensors.
_PICKLES = ["pytorch_model*.bin"]


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model."""

    folder: Path
    #: what tells the model from others: its name with the commit, or with the checksum of its files
    identity: dict[str, str]


def find_model(name: str, revision: str | None = None, owner: str | None = None) -> ModelFiles:
    """Find a model in a folder or in Hugging Face's cache, and download it if it is in neither.

    :param name: a folder, or the name of a repository on Hugging Face.
    :param revision: branch, tag or commit; by default what is in the cache, or the newest.
    :param owner: of repositories whose name has none.
    :raises FeatureError: in one line, if there is no such model, its folder lacks a file, or it cannot be downloaded.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if revision is not None:
            raise FeatureError(
                f"model {name} is a folder; revision {revision!r} is for models of Hugging Face"
            )
        if missing := missing_files(path):
            raise FeatureError(f"model folder {name} lacks {', '.join(missing)}")
        return ModelFiles(
            path, {"model": path.resolve().name, "sha256": folder_checksum(path, files_read(path))}
        )
    if path.exists():
        raise FeatureError(f"model {name} is a file; the folder that it lies in is wanted")
    if name.startswith((".", "~", os.sep)) or "\\" in name or name.count("/") > 1:
        raise FeatureError(f"model folder {name} does not exist")
    repository = name if "/" in name or owner is None else f"{owner}/{name}"
    folder = _cached(repository, revision)
    if folder is None or missing_files(folder):
        folder = _downloaded(repository, revision)
        if missing := missing_files(folder):
            raise FeatureError(f"model {repository} lacks {', '.join(missing)}")
    return ModelFiles(folder, {"model": repository, "commit": folder.name})


def _cache() -> str | None:
    return os.environ.get("SENTENCE_TRANSFORMERS_HOME")


def _cached(repository: str, revision: str | None) -> Path | None:
    """The folder of a revision in the cache, whether it is complete or not."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        for file in ("config.json", "modules.json"):
            found = try_to_load_from_cache(repository, file, cache_dir=_cache(), revision=revision)
            if isinstance(found, str):
                return Path(found).parent
    except HFValidationError:
        raise FeatureError(
            f"{repository!r} is neither a folder nor a name of a model on Hugging Face"
        ) from None
    return None


def _downloaded(repository: str, revision: str | None) -> Path:
    folder = _download(repository, revision, [*_NOT_READ, *_PICKLES])
    if any("pytorch_model" in name for name in missing_files(folder)):
        folder = _download(repository, revision, _NOT_READ)
    return folder


def _download(repository: str, revision: str | None, ignore: list[str]) -> Path:
    from huggingface_hub import constants, errors, snapshot_download

    elsewhere = "give the folder of a copy, or download it on a machine that is connected and copy its cache (HF_HOME)"
    try:
        return Path(
            snapshot_download(repository, revision=revision, cache_dir=_cache(), ignore_patterns=ignore)
        )
    except errors.GatedRepoError:
        reason = "its owner wants you to be logged in to Hugging Face and to accept its terms"
    except errors.RevisionNotFoundError:
        raise FeatureError(f"model {repository} has no revision {revision!r}") from None
    except errors.RepositoryNotFoundError:
        raise FeatureError(
            f"there is no model {repository}: it is no folder, not in the cache, and not on Hugging Face (or not public)"
        ) from None
    except errors.LocalEntryNotFoundError:
        blocked = constants.HF_HUB_OFFLINE
        reason = f"{'HF_HUB_OFFLINE is set' if blocked else 'Hugging Face cannot be reached'}; {elsewhere}"
    # a proxy, a full disk, a server with a bad day
    except Exception as error:
        reason = f"{one_line(error)}; {elsewhere}"
    at = f" at revision {revision}" if revision else ""
    raise FeatureError(
        f"model {repository}{at} is no folder, not in the cache, and cannot be downloaded: {reason}"
    )
