"""Modalities of nodes: imported vectors, and extractors of text, sound and pictures.

Importing this registers the extractors that come with the package; none imports its libraries before it is used.
"""

from __future__ import annotations

from hetmusic.features.describing import Coverage, Described, describe
from hetmusic.features.emotion.sound_descriptors import EmotionDescriptors
from hetmusic.features.extraction.request import Request
from hetmusic.features.extraction.run import extract_features
from hetmusic.features.extractor import Absent, AbsentForNow, Extractor, extractors
from hetmusic.features.light_audio import AudioStatistics
from hetmusic.features.light_image import ImageStatistics
from hetmusic.features.light_text import TextTfidfSvd
from hetmusic.features.text.bag_of_words import BagOfWordsSvd
from hetmusic.features.text.sentence_transformer import MeanBert, SentenceTransformerText
from hetmusic.features.vision.embedding import ResNet50, TorchvisionEmbedding
from hetmusic.features.yamnet.extractor import YamnetAudio

__all__ = [
    "Absent",
    "AbsentForNow",
    "AudioStatistics",
    "BagOfWordsSvd",
    "Coverage",
    "Described",
    "EmotionDescriptors",
    "Extractor",
    "ImageStatistics",
    "MeanBert",
    "Request",
    "ResNet50",
    "SentenceTransformerText",
    "TextTfidfSvd",
    "TorchvisionEmbedding",
    "YamnetAudio",
    "describe",
    "extract_features",
    "extractors",
]
