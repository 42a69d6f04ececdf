"""Readers of files that are no tables: one module each, named by ``reader:`` in a dump specification."""

from __future__ import annotations

from hetmusic.graph.raw.readers.base import Reader, readers
from hetmusic.graph.raw.readers.lastfm_tracks import LastfmSimilars, LastfmTracks
from hetmusic.graph.raw.readers.many_files import ManyFilesReader
from hetmusic.graph.raw.readers.msd_tracks import MsdTracks
from hetmusic.graph.raw.readers.music_folder import MusicFolder
from hetmusic.graph.raw.readers.music_listens import MusicListens
from hetmusic.graph.raw.readers.musixmatch import MusixmatchBags
from hetmusic.graph.raw.readers.npy import Npy
from hetmusic.graph.raw.readers.ultrastar import UltraStar

__all__ = [
    "LastfmSimilars",
    "LastfmTracks",
    "ManyFilesReader",
    "MsdTracks",
    "MusicFolder",
    "MusicListens",
    "MusixmatchBags",
    "Npy",
    "Reader",
    "UltraStar",
    "readers",
]
