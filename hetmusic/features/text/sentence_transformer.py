"""Lyrics by language models: sentence-transformers (Reimers & Gurevych 2019), and plain BERT (Devlin et al. 2019)."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hetmusic.errors import EnvironmentProblem, FeatureError
from hetmusic.features.extractor import Absent, Extractor, extractors
from hetmusic.features.lyrics import is_instrumental
from hetmusic.features.word_counts import as_text

if TYPE_CHECKING:
    from hetmusic.features.text.encoding import Tokens, WholeEncoder, WindowedEncoder
    from hetmusic.features.text.model_files import ModelFiles

_log = logging.getLogger(__name__)

#: A text is hardly readable for a model whose tokenizer does not know this share of it.
_MOSTLY_UNKNOWN = 0.5


class LanguageModel(Extractor):
    """What language models share: texts of any length, in windows of what the model can read.

    A subclass says how its models are found and pooled.
    """

    kind = "text"
    #: owner of repositories on Hugging Face whose name has none
    owner: ClassVar[str | None] = None
    #: whether tokens are averaged, whatever the model's folder says
    mean_pooling: ClassVar[bool] = False

    def __init__(self, model: str, revision: str | None, overlap: int, max_tokens: int | None) -> None:
        if overlap < 0:
            raise FeatureError(f"windows overlap by 0 or more tokens, not {overlap}")
        if max_tokens is not None and max_tokens < 1:
            raise FeatureError(f"windows have 1 or more tokens, not {max_tokens}")
        self.model, self.revision, self.overlap, self.max_tokens = model, revision, overlap, max_tokens
        self._files: ModelFiles | None = None
        self._encoder: WindowedEncoder | WholeEncoder | None = None
        #: whether there was a text in a script that the model does not know; more are told at level INFO
        self._said = False

    def settings(self) -> dict[str, Any]:
        """The model with its commit or checksum, and the windows; downloads a model that is nowhere yet."""
        return {**self._found().identity, "overlap": self.overlap, "max_tokens": self.max_tokens}

    def load(self, device: str = "auto") -> None:
        """Load the model."""
        folder = self._found().folder
        # torch and transformers take seconds to import
        from hetmusic._device import choose_device
        from hetmusic.features.text.encoding import encoder_of
        from hetmusic.features.text.loading import load_model

        model = load_model(folder, choose_device(device), self.mean_pooling)
        self._encoder = encoder_of(model, self.max_tokens, self.overlap)

    def prepare(self, item: str) -> Tokens:
        """Tokenise a text and cut it into windows; a bag of words is read in the order of frequency.

        :raises Absent: for a text without anything to read, and one that says it is instrumental.
        """
        if self._encoder is None:
            raise FeatureError(f"{self.name}: load has to come before prepare")
        if not item.strip():
            raise Absent("empty text")
        if is_instrumental(item):
            raise Absent("instrumental")
        tokens = self._encoder.tokens(as_text(item))
        if not tokens.windows:
            raise Absent("no words")
        if tokens.unknown > _MOSTLY_UNKNOWN:
            level = logging.INFO if self._said else logging.WARNING
            self._said = True
            _log.log(
                level,
                "the model does not know %.0f %% of the tokens of %r",
                100 * tokens.unknown,
                item.strip()[:30],
            )
        return tokens

    def extract(self, batch: Sequence[Tokens]) -> NDArray[np.floating[Any]]:
        """The vectors of tokenised texts."""
        assert self._encoder is not None
        return self._encoder.vectors(batch)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of texts as they are, shape ``(len(texts), dim)``; zero where the tokenizer makes nothing of one."""
        assert self._encoder is not None
        tokens = [self._encoder.tokens(text) for text in texts]
        there = np.array([bool(each.windows) for each in tokens])
        found = self._encoder.vectors([each for each in tokens if each.windows])
        vectors = np.zeros((len(texts), found.shape[1]), np.float32)
        vectors[there] = found
        return vectors

    def size(self, prepared: Tokens) -> int:
        """Number of windows."""
        return len(prepared.windows)

    def _found(self) -> ModelFiles:
        if self._files is None:
            # importing it takes seconds, which are lost where everything is in the cache of features
            if importlib.util.find_spec("sentence_transformers") is None:
                raise EnvironmentProblem(
                    f"{self.name} needs sentence-transformers: pip install 'hetmusic[text]'"
                )
            from hetmusic.features.text.model_files import find_model

            self._files = find_model(self.model, self.revision, self.owner)
        return self._files


@extractors.register("sentence-transformers")
class SentenceTransformerText(LanguageModel):
    """Texts by a model of sentence-transformers, all-MiniLM-L6-v2 (384 dimensions) unless another is named.

    A text that the model cannot read at once is cut into overlapping windows, and their vectors are averaged, each
    counting by its number of tokens; then the mean is normalised if the model does so. A text that fits one window has
    the vector that ``SentenceTransformer.encode`` gives it. Models of static word vectors read whole texts.

    :param model: a folder, or a name on Hugging Face; a name without an owner is one of sentence-transformers.
    :param revision: branch, tag or commit on Hugging Face; by default what is in the cache, or the newest.
    :param overlap: tokens of a window that the next one repeats.
    :param max_tokens: longest window; by default as long as the model can read.
    """

    name = "sentence-transformers"
    owner = "sentence-transformers"

    def __init__(
        self,
        model: str = "all-MiniLM-L6-v2",
        *,
        revision: str | None = None,
        overlap: int = 32,
        max_tokens: int | None = None,
    ) -> None:
        super().__init__(model, revision, overlap, max_tokens)


@extractors.register("bert-mean")
class MeanBert(LanguageModel):
    """Texts by plain BERT: the mean of its last layer over all tokens (768 dimensions), as in the MM-GNN paper.

    Any model of transformers that gives each token a vector will do. Long texts are cut into windows as for
    sentence-transformers, and nothing is normalised.

    :param model: a folder, or a name on Hugging Face.
    :param revision: branch, tag or commit on Hugging Face; by default what is in the cache, or the newest.
    :param overlap: tokens of a window that the next one repeats.
    :param max_tokens: longest window; by default as long as the model can read.
    """

    name = "bert-mean"
    mean_pooling = True

    def __init__(
        self,
        model: str = "google-bert/bert-base-uncased",
        *,
        revision: str | None = None,
        overlap: int = 32,
        max_tokens: int | None = None,
    ) -> None:
        super().__init__(model, revision, overlap, max_tokens)
