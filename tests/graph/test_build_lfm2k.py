"""lfm2k-mm beside HetRec: the same graph as by hand, whichever artists it keeps; vectors go to the artists they are of."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.build_lfm2k import build as build_p2
from hetmusic.dumps import describe
from hetmusic.errors import DataError
from hetmusic.graph import MusicGraph
from hetmusic.graph.build_report import BuildReport
from hetmusic.graph.splits import split_from_file
from kg_schema.dump import DumpSpec

VECTORS = {"text": "all-MiniLM-L6-v2.npy", "audio": "vggish.npy", "voice": "whisper.npy"}
DIMS = {"text": 384, "audio": 128, "voice": 512}


def rows_of(path: Path) -> list[list[str]]:
    """The rows after the header, cut at line feeds and tabs alone."""
    return [line.split("\t") for line in path.read_text("utf-8").split("\n")[1:] if line]


def artists_of_rows(folder: Path) -> list[str]:
    """HetRec's id for each row of the vectors, by comparing the two split files line for line."""
    pairs = zip(rows_of(folder / "lfm2k.inter"), rows_of(folder / "lfm2k_og_ids.inter"), strict=True)
    keys = {int(row[1]): original[1] for row, original in pairs}
    return [keys[number] for number in range(len(keys))]


@pytest.fixture(scope="module")
def raw(shared_data: Path) -> tuple[Path, Path]:
    hetrec, lfm2k = shared_data / "hetrec-lastfm-2k", shared_data / "lfm2k-mm"
    if not (lfm2k / "lfm2k.inter").is_file():
        pytest.skip(f"{lfm2k} is not there")
    return hetrec, lfm2k


def by_hand(hetrec: Path, artists: set[str] | None, folder: Path) -> MusicGraph:
    """HetRec alone, of which the lines about other artists were cut out before."""
    raw = folder / "cut"
    raw.mkdir()
    for path in hetrec.glob("*.dat"):
        header, *lines = path.read_bytes().splitlines(keepends=True)
        column = {"artists.dat": 0, "user_artists.dat": 1, "user_taggedartists.dat": 1}.get(path.name)
        if column is not None and artists is not None:
            lines = [line for line in lines if line.split(b"\t")[column].decode() in artists]
        (raw / path.name).write_bytes(b"".join([header, *lines]))
    return MusicGraph.build("hetrec-lastfm", raw=raw, out=folder / "by-hand")


@pytest.mark.parametrize("all_artists", [False, True])
def test_the_graph_of_p2_is_the_one_made_by_hand(
    raw: tuple[Path, Path], tmp_path: Path, all_artists: bool
) -> None:
    hetrec, lfm2k = raw
    keys = artists_of_rows(lfm2k)
    hand = by_hand(hetrec, None if all_artists else set(keys), tmp_path)
    graph = build_p2(hetrec, lfm2k, tmp_path / "graph", all_artists)
    assert graph.node_types == hand.node_types
    for node_type in hand.node_types:
        expected = hand.nodes(node_type)
        assert graph.nodes(node_type).select(expected.columns).equals(expected)
    assert graph.edge_types == hand.edge_types
    for edge_type in hand.edge_types:
        found, wanted = graph.edges(edge_type), hand.edges(edge_type)
        for part in ("src", "dst", "weight", "time"):
            np.testing.assert_array_equal(getattr(found, part), getattr(wanted, part))
    assert graph.tag_assignments is not None
    assert graph.tag_assignments.equals(hand.tag_assignments)
    assert graph.num_nodes("artist") == (17_632 if all_artists else 1_425)
    assert (graph.num_nodes("user"), graph.num_edges("likes")) == (1_892, 92_834 if all_artists else 56_369)

    for name, file in VECTORS.items():
        modality, values = graph.modality("artist", name), np.load(lfm2k / file).astype(np.float32)
        places = graph.index_of("artist", keys)
        assert modality.present.sum() == 1_425
        np.testing.assert_array_equal(modality.values[places], values)
    texts = dict(rows_of(lfm2k / "lfm2k_text.tsv"))
    table = graph.nodes("artist").select("key", "tags_text").drop_nulls()
    assert dict(table.rows()) == {key: texts[key] for key in keys}


def test_one_command_with_songs(raw: tuple[Path, Path], tmp_path: Path) -> None:
    hetrec, lfm2k = raw
    folders = {"hetrec-lastfm": hetrec, "lfm2k-mm": lfm2k}
    graph = MusicGraph.build(["hetrec-lastfm", "lfm2k-mm"], raw=folders, out=tmp_path / "graph")
    kept = set(artists_of_rows(lfm2k))
    songs = {(row[0], row[2]) for row in rows_of(lfm2k / "lfm2k_song_extended_mapping.tsv") if row[0] in kept}
    assert len(songs) == 7_098
    table, edges = graph.nodes("song"), graph.edges("sung_by")
    assert dict(table.select("key", "name").rows()) == {f"{artist}|{song}": song for artist, song in songs}
    artists = graph.keys("artist")
    sung = {
        (artists[d], table["name"][s]) for s, d in zip(edges.src.tolist(), edges.dst.tolist(), strict=True)
    }
    assert sung == songs
    report = BuildReport.model_validate(graph.meta.build_report)
    assert [(j.node_type, j.dump, j.joined, j.new) for j in report.joins if j.dump == "lfm2k-mm"][:2] == [
        ("user", "lfm2k-mm", 1_858, 0),
        ("artist", "lfm2k-mm", 2_825, 0),
    ]
    split = split_from_file(graph, lfm2k / "lfm2k_og_ids.inter")
    counts = Counter(row[3] for row in rows_of(lfm2k / "lfm2k_og_ids.inter"))
    assert [split.counts[part] for part in ("train", "valid", "test")] == [counts[label] for label in "012"]


def test_alone(raw: tuple[Path, Path], tmp_path: Path) -> None:
    _, lfm2k = raw
    graph = MusicGraph.build("lfm2k-mm", raw=lfm2k, out=tmp_path / "graph")
    rows = rows_of(lfm2k / "lfm2k_og_ids.inter")
    counts = {kind: graph.num_nodes(kind) for kind in graph.node_types}
    assert counts == {"user": len({row[0] for row in rows}), "artist": 1_425, "song": 7_098}
    edges, users, artists = graph.edges("likes"), graph.keys("user"), graph.keys("artist")
    liked = {(users[s], artists[d]) for s, d in zip(edges.src, edges.dst, strict=True)}
    assert liked == {(row[0], row[1]) for row in rows}
    names = {row[0]: row[1] for row in reversed(rows_of(lfm2k / "lfm2k_song_extended_mapping.tsv"))}
    assert graph.names("artist") == [names[key] for key in artists]


def test_the_numbers_of_rows_are_no_ids(raw: tuple[Path, Path]) -> None:
    """What would go wrong silently: nearly every number of a row is also HetRec's id of another artist."""
    hetrec, lfm2k = raw
    known = {row[0] for row in rows_of(hetrec / "artists.dat")}
    keys = artists_of_rows(lfm2k)
    wrong = [number for number, key in enumerate(keys) if str(number) in known and str(number) != key]
    assert len(wrong) > 1_000


def test_in_words() -> None:
    text = describe(DumpSpec.load("lfm2k-mm"))
    assert "  `line` is the number of the line" in text["files"]
    assert "items that `itemID` of lfm2k_og_ids.inter does not name" in text["left out"]


def small(folder: Path) -> Path:
    """Two users, artists 7, 8, 1 in the rows 0, 1, 2; row 1 is also the id of another artist."""
    folder.mkdir()
    header = "userID\titemID\trating\tx_label\n"
    rows = [("5", "7", "0"), ("5", "1", "2"), ("6", "8", "1"), ("6", "7", "0")]
    (folder / "lfm2k_og_ids.inter").write_text(header + "".join(f"{u}\t{a}\t1\t0\n" for u, a, _ in rows))
    (folder / "lfm2k.inter").write_text(header + "".join(f"{int(u) - 5}\t{r}\t1\t0\n" for u, _, r in rows))
    for name, dim in DIMS.items():
        np.save(folder / VECTORS[name], np.arange(3 * dim, dtype=np.float64).reshape(3, dim))
    return folder


def test_rows_lead_to_artists(tmp_path: Path) -> None:
    graph = MusicGraph.build("lfm2k-mm", raw=small(tmp_path / "raw"), out=tmp_path / "graph")
    assert graph.keys("artist") == ["1", "7", "8"]
    assert graph.modality("artist", "audio").values[:, 0].tolist() == [256.0, 0.0, 128.0]


def test_split_files_that_are_not_in_step(tmp_path: Path) -> None:
    """A line moved in one of them gives row 0 two artists and artist 7 two rows: its vector is left out, and counted."""
    raw = small(tmp_path / "raw")
    lines = (raw / "lfm2k.inter").read_text().splitlines(keepends=True)
    (raw / "lfm2k.inter").write_text("".join([lines[0], lines[2], lines[1], *lines[3:]]))
    graph = MusicGraph.build("lfm2k-mm", raw=raw, out=tmp_path / "graph")
    report = BuildReport.model_validate(graph.meta.build_report)
    found = report.find("no single artist for this row", "vggish.npy")
    assert found is not None
    assert (found.rows, found.examples) == (1, ["0"])
    blank = report.find("blank artist", "vggish.npy")
    assert blank is not None
    assert blank.rows == 1


def test_a_split_file_that_is_shorter(tmp_path: Path) -> None:
    raw = small(tmp_path / "raw")
    lines = (raw / "lfm2k.inter").read_text().splitlines(keepends=True)
    (raw / "lfm2k.inter").write_text("".join(lines[:-1]))
    graph = MusicGraph.build("lfm2k-mm", raw=raw, out=tmp_path / "graph")
    report = BuildReport.model_validate(graph.meta.build_report)
    found = report.find("no row for this line")
    assert found is not None
    assert (found.file, found.rows, found.first_lines) == ("lfm2k_og_ids.inter", 1, [5])


def test_a_matrix_with_more_rows_than_artists(tmp_path: Path) -> None:
    raw = small(tmp_path / "raw")
    np.save(raw / "vggish.npy", np.ones((4, 128)))
    graph = MusicGraph.build("lfm2k-mm", raw=raw, out=tmp_path / "graph")
    report = BuildReport.model_validate(graph.meta.build_report)
    found = report.find("no single artist for this row", "vggish.npy")
    assert found is not None
    assert found.examples == ["3"]


@pytest.mark.parametrize("kind", ["float16", "float32", ">f8", "int16", "uint8"])
def test_numbers_of_every_kind(tmp_path: Path, kind: str) -> None:
    raw = small(tmp_path / "raw")
    values = (np.arange(3 * 128).reshape(3, 128) % 100).astype(kind)
    np.save(raw / "vggish.npy", np.asfortranarray(values))
    graph = MusicGraph.build("lfm2k-mm", raw=raw, out=tmp_path / "graph")
    modality = graph.modality("artist", "audio")
    assert modality.values.dtype == np.float32
    np.testing.assert_array_equal(modality.values[[1, 2, 0]], values.astype(np.float32))


def wrong(**changes: float) -> np.ndarray:
    values = np.ones((3, 128))
    for place, value in changes.items():
        row, column = place[1:].split("_")
        values[int(row), int(column)] = value
    return values


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((3, 127)), "the matrix is 3 x 127, not rows x 128"),
        (np.ones(128), "the matrix is 128, not rows x 128"),
        (np.ones((3, 128, 1)), "the matrix is 3 x 128 x 1, not rows x 128"),
        (np.array(1.0), "the matrix is a single number, not rows x 128"),
        (np.full((3, 128), "x"), "the matrix holds <U1, not numbers"),
        (np.full((3, 128), 1j), "the matrix holds complex128, not numbers"),
        (np.full((3, 128), True), "the matrix holds bool, not numbers"),
        (np.full((3, 128), None), "no matrix of numbers can be read .*Python objects"),
        (
            wrong(_1_5=np.nan, _1_6=np.nan, _2_0=np.nan),
            r"row 1 \(from 0\), column 5: nan is not .* \(2 of 3 rows read\)",
        ),
        (wrong(_2_0=-np.inf), r"row 2 \(from 0\), column 0: -inf is not a number that float32 holds"),
        (wrong(_0_9=1e300), r"row 0 \(from 0\), column 9: 1e\+300 is not a number that float32 holds"),
    ],
)
def test_matrices_that_are_refused(tmp_path: Path, matrix: np.ndarray, message: str) -> None:
    raw = small(tmp_path / "raw")
    np.save(raw / "vggish.npy", matrix, allow_pickle=True)
    with pytest.raises(DataError, match=rf"^vggish\.npy.*{message}"):
        MusicGraph.build("lfm2k-mm", raw=raw, out=tmp_path / "graph")
    assert not (tmp_path / "graph").exists()


def test_files_that_are_no_matrix(tmp_path: Path) -> None:
    raw = small(tmp_path / "raw")
    whole = (raw / "vggish.npy").read_bytes()
    huge = whole.replace(b"(3, 128)", b"(9999999999999, 128)").replace(b"             \n", b"\n")
    for content in (b"", b"who,what\n", whole[:50], whole[:-8], huge, b"\x80\x04K\x01."):
        (raw / "vggish.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"^vggish\.npy: no matrix of numbers can be read"):
            MusicGraph.build("lfm2k-mm", raw=raw, out=tmp_path / "graph")
    with (raw / "vggish.npy").open("wb") as stream:
        np.savez(stream, a=np.ones((3, 128)))
    with pytest.raises(DataError, match="several matrices in one file"):
        MusicGraph.build("lfm2k-mm", raw=raw, out=tmp_path / "graph")


def test_batches_give_the_same_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = small(tmp_path / "raw")
    whole = MusicGraph.build("lfm2k-mm", raw=raw, out=tmp_path / "graph")
    monkeypatch.setattr("hetmusic.graph.raw.readers.npy._BATCH", 2)
    pieces = MusicGraph.build("lfm2k-mm", raw=raw, out=tmp_path / "pieces")
    for name in VECTORS:
        np.testing.assert_array_equal(
            whole.modality("artist", name).values, pieces.modality("artist", name).values
        )
    assert pl.DataFrame(whole.nodes("artist")).equals(pieces.nodes("artist"))
