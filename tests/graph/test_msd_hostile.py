"""Files of tracks that are something else: each is dropped and counted with its name, and none does harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
from tests.graph.msd_files import METADATA, TRACKS, write_track

GOOD = TRACKS[2][0]


def truncated(path: Path) -> None:
    path.write_bytes(write_track(path).read_bytes()[:5000])


def without_group(path: Path) -> None:
    with h5py.File(write_track(path), "a") as file:
        del file["metadata"]


def replaced(where: str, **how: object) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with h5py.File(write_track(path), "a") as file:
            del file[where]
            file.create_dataset(where, **how)

    return make


def linked(link: object) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with h5py.File(write_track(path), "a") as file:
            del file["metadata"]
            file["metadata"] = link

    return make


def outside(path: Path) -> None:
    secret = path.with_name("secret")
    secret.write_bytes(b"s" * 10_000)
    with h5py.File(write_track(path), "a") as file:
        del file["metadata/songs"]
        where = [(str(secret), 0, METADATA.itemsize)]
        file.create_dataset("metadata/songs", (1,), METADATA, external=where)


def virtual(path: Path) -> None:
    other = write_track(path.with_name("other.hdf5"))
    with h5py.File(write_track(path), "a") as file:
        del file["metadata/songs"]
        layout = h5py.VirtualLayout((1,), METADATA)
        layout[0] = h5py.VirtualSource(other, "metadata/songs", (1,), METADATA)[0]
        file.create_virtual_dataset("metadata/songs", layout)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "no HDF5 file, or one that is cut off"),
    "text": (lambda path: path.write_text("TRACK\n"), "no HDF5 file, or one that is cut off"),
    "magic": (
        lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 900),
        "no HDF5 file, or one that is cut off",
    ),
    "cut": (truncated, "no HDF5 file, or one that is cut off"),
    "group": (without_group, "no /metadata/songs"),
    "rows": (
        replaced("metadata/songs", shape=(10**12,), dtype=METADATA, chunks=(1,)),
        "/metadata/songs does not have one row",
    ),
    "no_row": (
        replaced("metadata/songs", shape=(0,), dtype=METADATA),
        "/metadata/songs does not have one row",
    ),
    "scalar": (replaced("metadata/songs", shape=(), dtype=METADATA), "/metadata/songs does not have one row"),
    "null": (replaced("metadata/songs", data=h5py.Empty("f")), "/metadata/songs does not have one row"),
    "numbers": (replaced("metadata/songs", data=[1.0]), "/metadata/songs is no table of fields"),
    "fields": (
        replaced("metadata/songs", data=np.zeros(1, [("artist_id", "S32")])),
        "/metadata/songs has no field 'song_id'",
    ),
    "wide": (
        replaced("metadata/songs", shape=(1,), dtype=[("song_id", f"S{1 << 21}")]),
        "/metadata/songs is no table of fields",
    ),
    "texts": (
        replaced("musicbrainz/songs", shape=(1,), dtype=[("year", h5py.string_dtype())]),
        "/musicbrainz/songs: field 'year' is neither text nor number",
    ),
    "arrays": (
        replaced("musicbrainz/songs", shape=(1,), dtype=[("year", "i4", (3,))]),
        "/musicbrainz/songs: field 'year' is neither text nor number",
    ),
    "group_for_table": (
        lambda path: h5py.File(write_track(path), "a").__enter__().move("analysis", "metadata/x"),
        "",
    ),
    "outside": (outside, "/metadata/songs lies outside of the file"),
    "virtual": (virtual, "/metadata/songs lies outside of the file"),
    "external": (
        linked(h5py.ExternalLink("other.hdf5", "/metadata")),
        "/metadata/songs is a link to somewhere else",
    ),
    "cycle": (linked(h5py.SoftLink("/metadata")), "/metadata/songs is a link to somewhere else"),
    "pieces": (
        replaced("metadata/songs", shape=(1,), dtype=METADATA, chunks=(100_000,), maxshape=(None,)),
        "/metadata/songs has pieces of more than 67,108,864 bytes",
    ),
    "no_id": (lambda path: write_track(path, track_id=""), "file without a track id"),
}
del BAD["group_for_table"]


def build(raw: Path) -> tuple[MusicGraph, BuildReport]:
    graph = MusicGraph.build("msd", raw=raw, out=raw.parent / "graph", overwrite=True, max_dropped=1)
    return graph, BuildReport.model_validate(graph.meta.build_report)


def test_each_is_dropped_with_its_name_and_reason(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "h5"
    write_track(folder / "good.h5", 2)
    for name, (make, _) in BAD.items():
        make(folder / f"{name}.h5")
    graph, report = build(tmp_path / "raw")
    assert graph.keys("song") == [GOOD]
    wanted: dict[str, list[str]] = {}
    for name, (_, reason) in sorted(BAD.items()):
        wanted.setdefault(reason, []).append(f"{name}.h5")
    found = {f.reason: f for f in report.findings if f.action == "dropped" and f.part == "file"}
    assert {reason: finding.rows for reason, finding in found.items()} == {
        r: len(n) for r, n in wanted.items()
    }
    for reason, finding in found.items():
        assert finding.examples == wanted[reason][:3]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"shape": (10**12, 12), "dtype": "f8", "chunks": (85, 12)}, "has more than 200,000 rows"),
        (
            {"shape": (5, 12), "dtype": "f8", "chunks": (10**6, 12), "maxshape": (None, 12)},
            "has pieces of more than",
        ),
        ({"shape": (60,), "dtype": "f8"}, "does not have 12 columns"),
        ({"shape": (5, 12), "dtype": "S8"}, "does not hold numbers"),
    ],
)
def test_absurd_segments_cost_the_audio_alone(tmp_path: Path, how: dict[str, object], reason: str) -> None:
    folder = tmp_path / "raw" / "h5"
    write_track(folder / "good.h5", 2)
    with h5py.File(write_track(folder / "odd.h5"), "a") as file:
        del file["analysis/segments_timbre"]
        file.create_dataset("analysis/segments_timbre", **how)
    graph, report = build(tmp_path / "raw")
    assert graph.num_nodes("song") == 2
    assert graph.modality("song", "audio").present.tolist() == [False, True]
    (found,) = [finding for finding in report.findings if "segments" in finding.reason]
    assert reason in found.reason
    assert found.examples == ["odd.h5"]


def test_any_damage_ends_as_a_row_or_a_count(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "h5"
    whole = np.frombuffer(write_track(folder / "good.h5", 2).read_bytes(), np.uint8)
    random = np.random.default_rng(0)
    for number in range(300):
        damaged = whole.copy()
        at = random.integers(0, len(whole), random.integers(1, 40))
        damaged[at] = random.integers(0, 256, len(at))
        (folder / f"{number:03}.h5").write_bytes(
            damaged[: random.integers(len(whole) // 2, 2 * len(whole))].tobytes()
        )
    graph, report = build(tmp_path / "raw")
    dropped = sum(f.rows for f in report.findings if f.action == "dropped" and f.part == "file")
    assert report.rows["h5"] + dropped == 301
    assert 0 < dropped < 301
    assert GOOD in graph.keys("song")
