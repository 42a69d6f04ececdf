"""Loading a language model from its folder, and refusing one that is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from hetmusic._torchvision import make_importable
from hetmusic.errors import FeatureError
from hetmusic.features.model_source import one_line

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def load_model(folder: Path, device: torch.device, mean_pooling: bool) -> SentenceTransformer:
    """Load a model from its folder.

    :param mean_pooling: take the language model alone, and the mean of its tokens, whatever the folder says of pooling.
    :raises FeatureError: in one line, if a file is damaged or of another kind of model.
    """
    make_importable()  # transformers imports torchvision where it finds it
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    try:
        with _quiet():
            if not mean_pooling:
                model = SentenceTransformer(str(folder), device=str(device))
            else:
                transformer = Transformer(str(folder))
                dim = transformer.auto_model.config.hidden_size
                model = SentenceTransformer(
                    modules=[transformer, Pooling(dim, pooling_mode="mean")], device=str(device)
                )
    except torch.OutOfMemoryError:
        raise
    # readers of damaged files raise nearly anything
    except Exception as error:
        raise FeatureError(f"model {folder} cannot be loaded: {one_line(error)}") from error
    _refuse_random_weights(model, folder)
    return model


def _refuse_random_weights(model: SentenceTransformer, folder: Path) -> None:
    """Weights that no file has are drawn at random, with nothing but a warning.

    A head that is not used may lack, so it is most of them that count. Names in a file may have a prefix more or less than
    in the model, and old files call weight and bias of a normalisation gamma and beta.
    """
    from safetensors import safe_open

    inner = getattr(model[0], "auto_model", None)
    files = sorted(folder.glob("**/model*.safetensors"))
    if inner is None or not files:
        return
    there: set[str] = set()
    for file in files:
        with safe_open(file, "pt") as weights:
            names = weights.keys()
        there.update(name.replace(".gamma", ".weight").replace(".beta", ".bias") for name in names)
    ends = {end for name in there for end in _ends(name)}
    wanted = [name for name, _ in inner.named_parameters()]
    lacking = [name for name in wanted if name not in ends and there.isdisjoint(_ends(name))]
    if len(lacking) > len(wanted) / 2:
        raise FeatureError(
            f"model {folder} cannot be loaded: {len(lacking)} of its {len(wanted)} weights are not in "
            f"{', '.join(file.name for file in files)}, first {lacking[0]}"
        )


def _ends(name: str) -> list[str]:
    """The name with prefixes taken off: "a.b.c", "b.c", "c"."""
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(len(parts))]


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar for weights: loading takes a moment, and the command line has bars of its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
