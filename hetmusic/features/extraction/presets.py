"""The extractors that are meant where none is named."""

from __future__ import annotations

from collections.abc import Mapping

from hetmusic.features.extractor import Kind

#: preset -> kind -> extractor
PRESETS: Mapping[str, Mapping[Kind, str]] = {
    "light": {"text": "tfidf-svd", "audio": "log-mel-statistics", "image": "colour-statistics"},
    "pretrained": {"text": "sentence-transformers", "audio": "yamnet", "image": "resnet50"},
}
