"""Single-track HDF5 files of the Million Song Dataset (Bertin-Mahieux et al. 2011)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hetmusic.graph.raw.many.parsing import BadFileError, Note
from hetmusic.graph.raw.readers.base import readers
from hetmusic.graph.raw.readers.many_files import ManyFilesReader

_TEXT, _INT, _FLOAT = pl.String(), pl.Int64(), pl.Float64()
#: group -> field of its table ``songs`` -> type of the column of that name
_FIELDS: dict[str, dict[str, pl.DataType]] = {
    "analysis": {
        "track_id": _TEXT,
        "duration": _FLOAT,
        "tempo": _FLOAT,
        "loudness": _FLOAT,
        "key": _INT,
        "key_confidence": _FLOAT,
        "mode": _INT,
        "mode_confidence": _FLOAT,
        "time_signature": _INT,
        "time_signature_confidence": _FLOAT,
        "danceability": _FLOAT,
        "energy": _FLOAT,
    },
    "metadata": {
        "song_id": _TEXT,
        "title": _TEXT,
        "song_hotttnesss": _FLOAT,
        "release": _TEXT,
        "release_7digitalid": _INT,
        "artist_id": _TEXT,
        "artist_mbid": _TEXT,
        "artist_name": _TEXT,
        "artist_location": _TEXT,
        "artist_latitude": _FLOAT,
        "artist_longitude": _FLOAT,
        "artist_familiarity": _FLOAT,
        "artist_hotttnesss": _FLOAT,
        "genre": _TEXT,
    },
    "musicbrainz": {"year": _INT},
}
_BINS = 12
# A segment is a note or so: the longest tracks, of 50 minutes, have about 10,000.
_SEGMENTS = 200_000
_PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_STATISTICS = ("mean", "sd")


@readers.register("msd-tracks")
class MsdTracks(ManyFilesReader):
    """A row per file; fields are named as in the files, and ``segments`` sums up timbre and pitch over the track."""

    suffix = ".h5"
    version = 1
    columns: ClassVar = {
        **{field: f"/{group}/songs" for group, fields in _FIELDS.items() for field in fields},
        "segments": "mean and standard deviation of timbre (12 values each) and pitch (12 each) over the segments",
    }
    vectors: ClassVar = {
        "segments": [
            *(f"timbre_{what}_{number}" for what in _STATISTICS for number in range(_BINS)),
            *(f"pitch_{what}_{pitch}" for what in _STATISTICS for pitch in _PITCHES),
        ]
    }
    tables: ClassVar = {
        "songs": {
            **{field: dtype for fields in _FIELDS.values() for field, dtype in fields.items()},
            "segments": pl.Array(pl.Float32(), 4 * _BINS),
        }
    }

    def __init__(self, workers: int = 0) -> None:
        super().__init__(workers)
        # imported here, so that only those who read such files load HDF5
        from hetmusic.graph.raw.readers import hdf5

        self._hdf5 = hdf5
        self._records = [hdf5.Record(group, "songs", list(fields)) for group, fields in _FIELDS.items()]

    def parse(self, path: Path, note: Note) -> Mapping[str, Sequence[Sequence[Any]]]:
        """The fields of the three tables and the statistics of the segments."""
        with self._hdf5.open_hdf5(path) as file:
            values = [value for record in self._records for value in record.read(file)]
            segments = self._segments(file, note)
        texts = [_text(value, note) if isinstance(value, bytes) else value for value in values]
        if not texts[0]:
            raise BadFileError("file without a track id")
        return {"songs": [(*texts, segments)]}

    def _segments(self, file: Any, note: Note) -> NDArray[np.float32] | None:
        """Mean and standard deviation over the segments, shape ``(48,)``, or None if there are none to be had."""
        try:
            parts = [
                self._hdf5.read_matrix(file, "analysis", f"segments_{what}", _BINS, _SEGMENTS)
                for what in ("timbre", "pitches")
            ]
        except BadFileError as error:
            note(f"no segments: {error}")
            return None
        if any(len(part) == 0 for part in parts):
            note("no segments")
            return None
        if not all(np.isfinite(part).all() for part in parts):
            note("segments that are not finite")
            return None
        statistics = [value for part in parts for value in (part.mean(axis=0), part.std(axis=0))]
        return np.concatenate(statistics).astype(np.float32)


def _text(value: bytes, note: Note) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        note("text that is not UTF-8, read as Latin-1")
        return value.decode("latin-1")
