"""A model of sentence-transformers that reads texts of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from hetmusic.errors import FeatureError
from hetmusic.features.text.windows import batches, cut, pool

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Tokens of a step, padding included: for each thread of a CPU what fits its cache (more is slower, and less padded if texts
#: come a few at a time), and what keeps a GPU busy.
_TOKENS_OF_A_THREAD, _TOKENS_OF_A_GPU = 512, 65_536
#: Longest window of a model that does not say how much it can read.
_CAPACITY = 512


@dataclass(frozen=True)
class Tokens:
    """A text as a model reads it."""

    #: int32 token numbers of each window, special tokens included; of a model that has no windows the text
    windows: list[Any]
    #: number of tokens of each window, special ones not counted
    lengths: list[int]
    #: share of tokens that the tokenizer does not know, in [0, 1]
    unknown: float


class WindowedEncoder:
    """Cuts texts into windows that the model can read, and computes one vector a text.

    :param model: its first module has a tokenizer; if its last one normalises, that is done after windows are pooled.
    :param max_tokens: longest window, special tokens included; by default as long as the model can read.
    :param overlap: tokens of a window that the next one repeats.
    """

    def __init__(self, model: SentenceTransformer, max_tokens: int | None, overlap: int) -> None:
        self._modules = [module.eval() for module in model.children()]
        self._normalize = self._modules.pop() if _is_normalize(self._modules[-1]) else None
        self._device = model.device
        self._tokenizer: Any = model.tokenizer
        self._before, self._after = special_tokens(self._tokenizer)
        self._before = self._before + self._ids(default_prompt(model))
        self._lower = bool(getattr(self._modules[0], "do_lower_case", False))
        limit = longest(model) if max_tokens is None else min(max_tokens, longest(model))
        self._capacity = limit - len(self._before) - len(self._after)
        if not 0 <= overlap < self._capacity:
            raise FeatureError(
                f"windows of {limit} tokens ({self._capacity} without special ones) cannot overlap by {overlap}"
            )
        self._overlap = overlap
        names = self._tokenizer.model_input_names
        self._types = "token_type_ids" in names
        #: pooling may leave the prompt out
        self._prompt = len(self._before) if default_prompt(model) else None
        self._pad = self._tokenizer.pad_token_id or 0

    def tokens(self, text: str) -> Tokens:
        """Tokenise a text once and cut it; safe in threads. A text may have no tokens at all."""
        ids = self._ids(text.lower() if self._lower else text)
        pieces = (
            [ids[start:end] for start, end in cut(len(ids), self._capacity, self._overlap)] if ids else []
        )
        unknown = ids.count(self._tokenizer.unk_token_id) / len(ids) if ids else 0.0
        windows = [np.array(self._before + piece + self._after, np.int32) for piece in pieces]
        return Tokens(windows, [len(piece) for piece in pieces], unknown)

    def vectors(self, texts: Sequence[Tokens]) -> NDArray[np.float32]:
        """The vectors of texts, shape ``(len(texts), dim)``."""
        windows = [window for text in texts for window in text.windows]
        on_cpu = self._device.type == "cpu"
        limit = _TOKENS_OF_A_THREAD * torch.get_num_threads() if on_cpu else _TOKENS_OF_A_GPU
        with torch.inference_mode():
            order = list(batches([len(window) for window in windows], limit))
            found = torch.cat([self._forward([windows[i] for i in part]) for part in order]).float().cpu()
            values = np.empty(found.shape, np.float32)
            values[np.concatenate(order)] = found.numpy()
            pooled = torch.from_numpy(pool(values, [text.lengths for text in texts]))
            if self._normalize is not None:
                pooled = self._normalize({"sentence_embedding": pooled})["sentence_embedding"]
        return pooled.numpy()

    def _forward(self, windows: list[NDArray[np.int32]]) -> torch.Tensor:
        """Vectors of windows, before normalisation, on the model's device."""
        ids = torch.full((len(windows), max(map(len, windows))), self._pad)
        mask = torch.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = torch.from_numpy(window)
            mask[row, : len(window)] = 1
        tensors = {"input_ids": ids, "attention_mask": mask}
        if self._types:
            tensors["token_type_ids"] = torch.zeros_like(ids)
        features: dict[str, Any] = {name: tensor.to(self._device) for name, tensor in tensors.items()}
        if self._prompt is not None:
            features["prompt_length"] = self._prompt
        for module in self._modules:
            features = module(features)
        vectors: torch.Tensor = features["sentence_embedding"]
        return vectors

    def _ids(self, text: str) -> list[int]:
        found = self._tokenizer(
            text,
            add_special_tokens=False,
            truncation=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,  # it would warn of texts that are too long
        )
        return list(found["input_ids"])


class WholeEncoder:
    """For models that read texts of any length at once, such as those of static word vectors."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._model = model.eval()

    def tokens(self, text: str) -> Tokens:
        """The text as it is; the model tokenises it."""
        return Tokens([text], [len(text)], 0.0)

    def vectors(self, texts: Sequence[Tokens]) -> NDArray[np.float32]:
        """The vectors of texts, shape ``(len(texts), dim)``."""
        whole = [text.windows[0] for text in texts]
        return np.asarray(self._model.encode(whole, show_progress_bar=False), np.float32)


def encoder_of(
    model: SentenceTransformer, max_tokens: int | None, overlap: int
) -> WindowedEncoder | WholeEncoder:
    """What computes the vectors of a model: in windows, if its first module is a transformer with a tokenizer."""
    if hasattr(model[0], "auto_model") and callable(model.tokenizer):
        return WindowedEncoder(model, max_tokens, overlap)
    return WholeEncoder(model)


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What a tokenizer puts before and after a text."""
    found = tokenizer("a", return_special_tokens_mask=True)
    ids, special = list(found["input_ids"]), list(found["special_tokens_mask"])
    if 0 not in special:  # the tokenizer makes nothing of "a"
        return ids[: len(ids) // 2], ids[len(ids) // 2 :]
    first, last = special.index(0), len(special) - special[::-1].index(0)
    return ids[:first], ids[last:]


def longest(model: SentenceTransformer) -> int:
    """Most tokens that a model reads, special ones included."""
    configured = getattr(getattr(model[0], "auto_model", None), "config", None)
    limits = [model.max_seq_length, getattr(configured, "max_position_embeddings", None)]
    return min([limit for limit in limits if limit] or [_CAPACITY])


def default_prompt(model: SentenceTransformer) -> str:
    """The text that the model puts before every other."""
    return str(model.prompts.get(model.default_prompt_name or "", "") or "")


def _is_normalize(module: torch.nn.Module) -> bool:
    return type(module).__name__ == "Normalize"
