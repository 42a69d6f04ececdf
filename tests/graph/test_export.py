"""A graph written for other programs is the same graph there."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hetmusic._dgl import dgl
from hetmusic.errors import DataError, EnvironmentProblem, UserError
from hetmusic.graph import EdgeType, GraphWriter, MusicGraph, validate_graph
from hetmusic.graph.export import FORMATS, export_graph
from hetmusic.graph.writer import sort_nodes
from tests.graphs import make_graph

OUT = {"dgl": "out", "csv": "out", "pyg": "out.pt", "networkx": "out.json"}
SIMILAR = EdgeType("artist", "similar_to", "artist")
TEXT = np.float32([[1, 2], [3, 4]])


@pytest.fixture
def graph(tmp_path: Path) -> MusicGraph:
    """Three users, three artists, friends, tags, and vectors of two artists."""
    made = make_graph(
        tmp_path / "g",
        [(0, 0, 5.0, 10), (0, 1, 0.1, None), (1, 2, 2.0, 30), (2, 2, 2.0, 40)],
        friends=[(0, 2), (1, 2)],
        tags=[(0, 0, "genre", 0), (0, 1, "genre", 1), (1, 0, "genre", 0)],
    )
    made.add_modality("artist", "text", TEXT, keys=["a0", "a2"])
    return made


def rebuilt(graph: MusicGraph, folder: Path) -> MusicGraph:
    """Export to tables and build from these."""
    export_graph(graph, "csv", folder / "tables")
    return MusicGraph.build(folder / "tables" / "spec.yaml", raw=folder / "tables", out=folder / "again")


def assert_same(first: MusicGraph, second: MusicGraph) -> None:
    """Nodes, edges and weights are equal; tag nodes only need the same keys and names."""
    assert first.node_types == second.node_types
    for node_type in first.node_types:
        assert second.nodes(node_type).equals(first.nodes(node_type)), node_type
    assert first.edge_types == second.edge_types
    for edge_type in first.edge_types:
        one, two = first.edges(edge_type), second.edges(edge_type)
        for name in ("src", "dst", "weight", "time"):
            np.testing.assert_array_equal(
                getattr(one, name), getattr(two, name), err_msg=f"{edge_type} {name}"
            )


class TestCsv:
    def test_a_real_graph_comes_back_to_the_byte(self, shared_data: Path, tmp_path: Path) -> None:
        graph = MusicGraph.build(
            "hetrec-lastfm", raw=shared_data / "hetrec-lastfm-2k", out=tmp_path / "hetrec"
        )
        again = rebuilt(graph, tmp_path)
        assert again.checksum == graph.checksum
        assert again.meta.about == graph.meta.about
        assert again.meta.about["homepage"].startswith("https://grouplens.org/")

    def test_tags_that_no_build_would_make_are_summed(self, graph: MusicGraph, tmp_path: Path) -> None:
        """``genre0`` is in no vocabulary, so the assignments would become another kind of node."""
        again = rebuilt(graph, tmp_path)
        assert_same(graph, again)
        assert again.tag_assignments is None
        report = export_graph(graph, "csv", tmp_path / "other")
        assert [note for note in report.notes if "who gave which tag is not in it" in note]

    def test_tags_that_nobody_gave_are_kept(self, tmp_path: Path) -> None:
        """A build would only make nodes of the tags that occur."""
        with GraphWriter(tmp_path / "g") as writer:
            for kind, keys in {"user": ["u0"], "artist": ["a0"], "tag": ["seen live", "unused"]}.items():
                writer.nodes(kind, pl.DataFrame({"key": keys, "name": keys}))
            writer.edges(EdgeType("user", "likes", "artist"), pl.DataFrame({"src": [0], "dst": [0]}))
            writer.assignments(pl.DataFrame({"user": [0], "item": [0], "kind": ["tag"], "tag": [0]}))
            writer.finish(name="g", item="artist", interaction="likes")
        graph = MusicGraph.open(tmp_path / "g")
        again = rebuilt(graph, tmp_path)
        assert_same(graph, again)

    def test_tags_that_a_build_makes_come_back_as_assignments(self, tmp_path: Path) -> None:
        with GraphWriter(tmp_path / "g") as writer:
            for kind, keys in {"user": ["u0", "u1"], "artist": ["a0"], "tag": ["seen live"]}.items():
                writer.nodes(kind, pl.DataFrame({"key": keys, "name": keys}))
            writer.edges(EdgeType("user", "likes", "artist"), pl.DataFrame({"src": [0], "dst": [0]}))
            rows = {"user": [0, 1], "item": [0, 0], "kind": ["tag"] * 2, "tag": [0, 0], "time": [5, None]}
            writer.assignments(pl.DataFrame(rows))
            writer.finish(name="g", item="artist", interaction="likes")
        graph = MusicGraph.open(tmp_path / "g")
        again = rebuilt(graph, tmp_path)
        assert again.checksum == graph.checksum
        assert again.tag_assignments is not None
        assert again.tag_assignments.equals(graph.tag_assignments)

    def test_features_can_be_imported_again(self, graph: MusicGraph, tmp_path: Path) -> None:
        from hetmusic.features.importing import import_features

        again = rebuilt(graph, tmp_path)
        stem = tmp_path / "tables" / "features-artist-text"
        import_features(again, "artist", "text", Path(f"{stem}.npy"), Path(f"{stem}.keys"))
        was, now = graph.modality("artist", "text"), MusicGraph.open(again.path).modality("artist", "text")
        np.testing.assert_array_equal(was.values, now.values)
        np.testing.assert_array_equal(was.present, now.present)

    def test_a_graph_without_users(self, tmp_path: Path) -> None:
        with GraphWriter(tmp_path / "g") as writer:
            writer.nodes(
                "song", pl.DataFrame({"key": ["s0", "s1"], "name": [None, "B"], "year": [1999, None]})
            )
            writer.nodes("artist", pl.DataFrame({"key": ["a0"]}))
            writer.edges(EdgeType("song", "sung_by", "artist"), pl.DataFrame({"src": [0], "dst": [0]}))
            writer.finish(name="music", item="song", interaction=None)
        graph = MusicGraph.open(tmp_path / "g")
        assert rebuilt(graph, tmp_path).checksum == graph.checksum

    def test_two_relations_of_one_name_and_empty_tables(self, tmp_path: Path) -> None:
        empty = {"src": pl.Series([], dtype=pl.Int32), "dst": pl.Series([], dtype=pl.Int32)}
        with GraphWriter(tmp_path / "g") as writer:
            for kind in ("user", "song", "artist"):
                writer.nodes(kind, pl.DataFrame({"key": [f"{kind}0", f"{kind}1"]}))
            writer.nodes("album", pl.DataFrame({"key": []}, {"key": pl.String}))
            for item in ("song", "artist"):
                table = pl.DataFrame({"src": [0, 1], "dst": [1, 0], "weight": [1.5, 2.5]})
                writer.edges(EdgeType("user", "likes", item), table)
            writer.edges(EdgeType("user", "likes", "album"), pl.DataFrame(empty))
            writer.finish(name="g", item="song", interaction="likes")
        graph = MusicGraph.open(tmp_path / "g")
        again = rebuilt(graph, tmp_path)
        assert_same(graph, again)

    def test_in_pieces(self, graph: MusicGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hetmusic.graph.export.csv_folder._ROWS", 2)
        assert_same(graph, rebuilt(graph, tmp_path))

    def test_relations_that_no_specification_has(self, tmp_path: Path) -> None:
        class Own:
            inverse, symmetric, weight = "heard_by", False, None

            def relation(self, name: str) -> Own:
                return self

        with GraphWriter(tmp_path / "g") as writer:
            for kind in ("user", "song"):
                writer.nodes(kind, pl.DataFrame({"key": ["0"]}))
            writer.edges(EdgeType("user", "hears", "song"), pl.DataFrame({"src": [0], "dst": [0]}))
            writer.finish(name="g", item="song", interaction="hears", ontology=Own())
        with pytest.raises(
            DataError, match=r"cannot be described .*out/spec.yaml:\d+: .*unknown relation 'hears'"
        ):
            export_graph(MusicGraph.open(tmp_path / "g"), "csv", tmp_path / "out")
        assert not (tmp_path / "out").exists()


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)
ODD = st.sampled_from(['"', ",", "\n", "\r\n", " a ", '"x"', "1", "007", "a,b", "\\N", "null", "é", "#"])
KEYS = st.lists(NAMES | ODD, min_size=1, max_size=6, unique=True)
#: of a count: negative ones and times beyond the calendar are refused when the tables are built
WEIGHTS = st.floats(0, width=32, allow_nan=False, allow_infinity=False)
TIMES = st.none() | st.integers(-62_135_596_800, 253_402_300_799)


@settings(deadline=None, max_examples=60)
@given(KEYS, KEYS, st.data())
def test_tables_hold_any_key_weight_and_time(users: list[str], songs: list[str], data: st.DataObject) -> None:
    pairs = st.tuples(st.integers(0, len(users) - 1), st.integers(0, len(songs) - 1))
    rows = data.draw(st.lists(pairs, min_size=1, max_size=8, unique=True))
    weights = data.draw(st.lists(WEIGHTS, min_size=len(rows), max_size=len(rows)))
    times = data.draw(st.lists(TIMES, min_size=len(rows), max_size=len(rows)))
    names = data.draw(st.lists(st.none() | NAMES | ODD, min_size=len(songs), max_size=len(songs)))
    tempo = data.draw(
        st.lists(st.none() | st.floats(-1e300, 1e300), min_size=len(songs), max_size=len(songs))
    )
    live = data.draw(st.lists(st.none() | st.booleans(), min_size=len(songs), max_size=len(songs)))
    columns = {"key": songs, "name": names, "tempo": tempo, "live": live}
    schema = {"key": pl.String, "name": pl.String, "tempo": pl.Float64, "live": pl.Boolean}
    with tempfile.TemporaryDirectory() as folder:
        with GraphWriter(Path(folder) / "g") as writer:
            writer.nodes("user", sort_nodes(pl.DataFrame({"key": users})))
            writer.nodes("song", sort_nodes(pl.DataFrame(columns, schema)))
            src, dst = zip(*rows, strict=True)
            table = {"src": src, "dst": dst, "weight": weights, "time": times}
            types = {"src": pl.Int32, "dst": pl.Int32, "weight": pl.Float32, "time": pl.Int64}
            writer.edges(EdgeType("user", "likes", "song"), pl.DataFrame(table, types))
            writer.finish(name="g", item="song", interaction="likes")
        graph = MusicGraph.open(Path(folder) / "g")
        assert_same(graph, rebuilt(graph, Path(folder)))


class TestDgl:
    def test_graph_and_features(self, graph: MusicGraph, tmp_path: Path) -> None:
        export_graph(graph, "dgl", tmp_path / "out")
        found = dgl.load_graphs(str(tmp_path / "out" / "graph.dgl"))[0][0]
        assert set(found.ntypes) == {"artist", "genre", "user"}
        assert set(found.canonical_etypes) == {tuple(t) for t in graph.relations()}
        for edge_type, edges in graph.relations().items():
            src, dst = found.edges(etype=tuple(edge_type))
            np.testing.assert_array_equal(src.numpy(), edges.src)
            np.testing.assert_array_equal(dst.numpy(), edges.dst)
            for name, values in (("weight", edges.weight), ("time", edges.time)):
                if values is not None:
                    np.testing.assert_array_equal(found.edges[tuple(edge_type)].data[name].numpy(), values)
        artist = found.nodes["artist"].data
        np.testing.assert_array_equal(artist["text"].numpy(), [TEXT[0], [0, 0], TEXT[1]])
        assert artist["text.present"].tolist() == [1, 0, 1]

    def test_node_numbers_are_those_of_the_table(self, graph: MusicGraph, tmp_path: Path) -> None:
        export_graph(graph, "dgl", tmp_path / "out")
        table = pl.read_csv(tmp_path / "out" / "nodes-artist.csv")
        assert table["key"].to_list() == graph.keys("artist")
        assert table["index"].to_list() == [0, 1, 2]


class StandIn:
    """As much of ``HeteroData`` as the export uses."""

    def __init__(self) -> None:
        self._stores: dict[Any, dict[str, Any]] = {}

    def __getitem__(self, key: Any) -> dict[str, Any]:
        return self._stores.setdefault(key, {})

    def validate(self, raise_on_error: bool) -> bool:
        return raise_on_error

    def to_dict(self) -> dict[Any, Any]:
        return {"_global_store": {}, **self._stores}


@pytest.fixture
def pyg(monkeypatch: pytest.MonkeyPatch) -> bool:
    """PyTorch Geometric if it is installed, else a stand-in; whether it is the real one."""
    try:
        import torch_geometric.data  # noqa: F401
    except ImportError:
        package, data = ModuleType("torch_geometric"), ModuleType("torch_geometric.data")
        data.HeteroData = StandIn  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "torch_geometric", package)
        monkeypatch.setitem(sys.modules, "torch_geometric.data", data)
        return False
    return True


class TestPyg:
    def test_graph_and_features(self, graph: MusicGraph, tmp_path: Path, pyg: bool) -> None:
        export_graph(graph, "pyg", tmp_path / "out.pt")
        found = torch.load(tmp_path / "out.pt", weights_only=True)
        if pyg:
            from torch_geometric.data import HeteroData

            found = HeteroData.from_dict(found)
            assert set(found.edge_types) == {tuple(t) for t in graph.relations()}
            assert set(found.node_types) == {"artist", "genre", "user"}
        artist = found["artist"]
        assert (artist["num_nodes"], artist["keys"]) == (3, ["a0", "a1", "a2"])
        assert artist["names"] == ["Artist 0", "Artist 1", "Artist 2"]
        assert artist["text"].tolist() == [[1, 2], [0, 0], [3, 4]]
        assert artist["text.present"].tolist() == [True, False, True]
        for edge_type, edges in graph.relations().items():
            store = found[tuple(edge_type)]
            assert store["edge_index"].dtype == torch.int64
            np.testing.assert_array_equal(store["edge_index"].numpy(), [edges.src, edges.dst])
            if edges.weight is not None:
                np.testing.assert_array_equal(store["edge_weight"].numpy(), edges.weight)
            assert ("time" in store) == (edges.time is not None)

    def test_a_name_that_is_taken(self, graph: MusicGraph, tmp_path: Path, pyg: bool) -> None:
        graph.add_modality("artist", "keys", TEXT, keys=["a0", "a2"])
        with pytest.raises(DataError, match="modality 'keys' of artist"):
            export_graph(MusicGraph.open(graph.path), "pyg", tmp_path / "out.pt")
        assert not (tmp_path / "out.pt").exists()

    def test_not_installed(self, graph: MusicGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torch_geometric", None)
        monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
        with pytest.raises(EnvironmentProblem, match="pip install torch_geometric"):
            export_graph(graph, "pyg", tmp_path / "out.pt")
        assert not (tmp_path / "out.pt").exists()


class TestNetworkx:
    @pytest.fixture(params=["out.json", "out.graphml"])
    def read(self, request: pytest.FixtureRequest, graph: MusicGraph, tmp_path: Path) -> Any:
        """The graph as NetworkX reads it."""
        import networkx

        path = tmp_path / request.param
        export_graph(graph, "networkx", path)
        if path.suffix == ".graphml":
            return networkx.read_graphml(path, force_multigraph=True)
        return networkx.node_link_graph(json.loads(path.read_text()), edges="edges")

    def test_nodes(self, read: Any, graph: MusicGraph) -> None:
        assert read.is_multigraph()
        assert read.is_directed()
        assert read.number_of_nodes() == sum(graph.num_nodes(kind) for kind in graph.node_types)
        assert read.nodes["artist:a1"] == {"type": "artist", "key": "a1", "name": "Artist 1"}

    def test_edges(self, read: Any, graph: MusicGraph) -> None:
        found = [(src, dst, values) for src, dst, values in read.edges(data=True)]
        likes = {(a, b): v for a, b, v in found if v["relation"] == "likes"}
        assert set(likes) == {
            ("user:u0", "artist:a0"), ("user:u0", "artist:a1"), ("user:u1", "artist:a2"), ("user:u2", "artist:a2"),
        }  # fmt: skip
        assert likes["user:u0", "artist:a0"] == {"relation": "likes", "weight": 5.0, "time": 10}
        assert "time" not in likes["user:u0", "artist:a1"]
        friends = {(a, b) for a, b, v in found if v["relation"] == "friends"}
        assert friends == {
            ("user:u0", "user:u2"), ("user:u2", "user:u0"), ("user:u1", "user:u2"), ("user:u2", "user:u1"),
        }  # fmt: skip
        genres = {(a, b): v["weight"] for a, b, v in found if v["relation"] == "has_genre"}
        assert genres == {("artist:a0", "genre:genre0"): 2.0, ("artist:a1", "genre:genre1"): 1.0}
        assert len(found) == 4 + 4 + 2

    def test_ids_of_edges_are_unique_in_graphml(self, graph: MusicGraph, tmp_path: Path) -> None:
        import re

        export_graph(graph, "networkx", tmp_path / "out.graphml")
        ids = re.findall(r'<edge [^>]*id="([^"]*)"', (tmp_path / "out.graphml").read_text())
        assert len(ids) == len(set(ids)) == 10

    def test_control_characters(self, tmp_path: Path) -> None:
        with GraphWriter(tmp_path / "g") as writer:
            for kind in ("user", "song"):
                writer.nodes(kind, pl.DataFrame({"key": ["0"], "name": ["a\x01b"]}))
            writer.edges(EdgeType("user", "likes", "song"), pl.DataFrame({"src": [0], "dst": [0]}))
            writer.finish(name="g", item="song", interaction="likes")
        graph = MusicGraph.open(tmp_path / "g")
        with pytest.raises(DataError, match=r"2 nodes have control characters.*'(song|user):0'.*\.json"):
            export_graph(graph, "networkx", tmp_path / "out.graphml")
        assert not (tmp_path / "out.graphml").exists()
        export_graph(graph, "networkx", tmp_path / "out.json")

    def test_other_suffixes(self, graph: MusicGraph, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"out\.gexf: for networkx .*\.graphml .*\.json"):
            export_graph(graph, "networkx", tmp_path / "out.gexf")


class TestPlaces:
    @pytest.mark.parametrize("to", FORMATS)
    def test_only_with_overwrite(self, to: str, graph: MusicGraph, tmp_path: Path, pyg: bool) -> None:
        out = tmp_path / OUT[to]
        export_graph(graph, to, out)
        with pytest.raises(UserError, match="already exists"):
            export_graph(graph, to, out)
        export_graph(graph, to, out, overwrite=True)
        assert {path.name for path in tmp_path.iterdir()} == {"g", out.name}

    @pytest.mark.parametrize("to", FORMATS)
    def test_foreign_folders_are_not_replaced(
        self, to: str, graph: MusicGraph, tmp_path: Path, pyg: bool
    ) -> None:
        out = tmp_path / OUT[to]
        out.mkdir()
        (out / "spec.yaml").write_text("mine")
        with pytest.raises(UserError, match="is not replaced"):
            export_graph(graph, to, out, overwrite=True)
        assert (out / "spec.yaml").read_text() == "mine"

    @pytest.mark.parametrize("to", ["dgl", "csv"])
    def test_the_folder_says_what_it_is(self, to: str, graph: MusicGraph, tmp_path: Path) -> None:
        export_graph(graph, to, tmp_path / "out")
        mark = json.loads((tmp_path / "out" / "export.json").read_text())
        assert (mark["format"], mark["graph"], mark["checksum"]) == (to, "tiny", graph.checksum)

    def test_unknown_format(self, graph: MusicGraph, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="did you mean 'dgl'"):
            export_graph(graph, "dlg", tmp_path / "out")

    def test_the_graph_is_not_touched(self, graph: MusicGraph, tmp_path: Path, pyg: bool) -> None:
        for to in FORMATS:
            export_graph(graph, to, tmp_path / OUT[to].replace("out", f"out-{to}"))
        assert not validate_graph(graph.path).errors
