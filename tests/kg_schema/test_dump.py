"""Dump specifications: built-in ones load, defaults are as documented, mistakes name file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kg_schema import dump_check, dump_uses
from kg_schema.dump import DumpSpec, FileSpec, TimeSpec, builtin_names
from kg_schema.errors import SchemaError
from kg_schema.ontology import Ontology

SMALL = """\
name: mine
item: song
files:
  people: {path: people.csv}
  plays:
    path: plays.tsv
    types: {n: int}
  tracks: {path: tracks.jsonl}
nodes:
  user: [{file: people, key: id, name: nick}]
  song:
    - file: tracks
      key: track
      attributes: {year: {column: released, dtype: int}, label: label}
edges:
  - relation: likes
    file: plays
    src: who
    dst: what
    weight: n
    time: when
assignments: {file: plays, user: who, item: what, tag: mood}
"""


@pytest.mark.parametrize("name", builtin_names())
def test_builtin_specifications_load(name: str) -> None:
    spec = DumpSpec.load(name)
    assert spec.name == name
    assert spec.title
    assert spec.licence
    assert spec.citation


def test_hetrec_is_there() -> None:
    assert "hetrec-lastfm" in builtin_names()


def test_a_file_of_the_user_loads(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL)
    spec = DumpSpec.load(path)
    assert spec.source == path
    assert spec.interaction == "likes"
    assert spec.edges[0].time == TimeSpec(column="when")
    assert spec.node_types == ["user", "song", "emotion", "genre", "tag"]
    label = spec.nodes["song"][0].attributes["label"]
    assert (label.column, label.dtype) == ("label", "str")
    needed = {"people": ["id", "nick"], "plays": ["who", "what", "n", "when", "mood"]}
    assert dump_uses.columns_by_file(spec) == {**needed, "tracks": ["track", "released", "label"]}


@pytest.mark.parametrize(
    ("file", "kind", "separator"),
    [
        ({"path": "a.csv"}, "csv", ","),
        ({"path": "a.TSV"}, "csv", "\t"),
        ({"path": "a.dat", "delimiter": "\t"}, "csv", "\t"),
        ({"path": "a.dat", "delimiter": "\\t"}, "csv", "\t"),
        ({"path": "a.txt", "delimiter": "<SEP>", "quote": None}, "csv", "<SEP>"),
        ({"path": "a.ndjson"}, "jsonl", ","),
        ({"path": "x/a.parquet"}, "parquet", ","),
        ({"path": "a.json", "format": "jsonl"}, "jsonl", ","),
    ],
)
def test_format_and_delimiter_by_suffix(file: dict[str, str], kind: str, separator: str) -> None:
    spec = FileSpec.model_validate(file)
    assert spec.resolved_format == kind
    assert spec.separators == [separator]


MISTAKES = {
    "unknown key": (
        "path: plays.tsv",
        "path: plays.tsv\n    delimeter: x",
        r":7: files.plays.delimeter: unknown key \(did you mean 'delimiter'",
    ),
    "unknown top key": (
        "item: song",
        "item: song\nitems: song",
        r":3: items: unknown key \(did you mean 'item'",
    ),
    "missing key": ("    src: who\n", "", r":16: edges\[0\].src: this key is missing"),
    "missing name": ("name: mine\n", "", ":1: name: this key is missing"),
    "wrong type": ("    src: who", "    src: 7", r":18: edges\[0\].src: .*string.* not 7"),
    "wrong choice": (
        "types: {n: int}",
        "types: {n: integer}",
        r":7: files.plays.types.n: .*'int'.*not 'integer'",
    ),
    "duplicate key": (
        "    src: who",
        "    src: who\n    src: who",
        r":19: edges\[0\].src: this key was already given",
    ),
    "unknown file": (
        "    file: plays\n    src",
        "    file: play\n    src",
        r":17: edges\[0\].file: no file 'play' .*did you mean 'plays'",
    ),
    "unused file": (
        "people: {path: people.csv}",
        "people: {path: people.csv}\n  more: {path: x.csv}",
        ":5: files.more: nothing is read",
    ),
    "unknown node type": (
        "  song:\n",
        "  songs:\n",
        r":11: nodes.songs: unknown node type 'songs' \(did you mean 'song'",
    ),
    "unknown item": ("item: song", "item: track", ":2: item: unknown node type 'track'"),
    "unknown relation": (
        "relation: likes",
        "relation: like",
        r":16: edges\[0\].relation: unknown relation 'like' \(did you mean",
    ),
    "inverse": ("relation: likes", "relation: liked_by", "'liked_by' is the inverse of 'likes'"),
    "impossible ends": (
        "relation: likes",
        "relation: sung_by",
        r":16: edges\[0\].relation: the dump has no nodes for",
    ),
    "no weight": (
        "relation: likes",
        "relation: friends",
        r":20: edges\[0\].weight: edges of 'friends' have no weight",
    ),
    "no such edge": ("item: song", "item: artist", ":1: interaction: no edges of the form user likes artist"),
    "escaping path": (
        "path: people.csv",
        "path: ../people.csv",
        r":4: files.people.path: '\.\./people.csv' leaves the raw",
    ),
    "absolute path": (
        "path: people.csv",
        "path: /etc/passwd",
        ":4: files.people.path: .* leaves the raw folder",
    ),
    "windows path": (
        "path: people.csv",
        "path: 'C:\\x.csv'",
        ":4: files.people.path: .* leaves the raw folder",
    ),
    "two times": (
        "time: when",
        "time: {column: when, year: y, month: m, day: d}",
        "either `column` or all of",
    ),
    "half a date": ("time: when", "time: {year: y, month: m}", r":21: edges\[0\].time: give either"),
    "two weights": (
        "weight: n",
        "weight: n\n    count_rows: true",
        ":21: .*count_rows: the weight is either",
    ),
    "reserved attribute": ("label: label}", "name: label}", r"attributes.name: every node has this column"),
    "two types": (
        "edges:\n",
        "    - {file: plays, key: what, attributes: {year: when}}\nedges:\n",
        r":15: nodes.song\[1\].attributes.year: another source says that 'year' is int, not str",
    ),
    "header and columns": (
        "path: plays.tsv",
        "path: plays.tsv\n    columns: [who]",
        ":7: files.plays.columns: .*without header",
    ),
    "columns missing": (
        "path: plays.tsv",
        "path: plays.tsv\n    header: false",
        ":7: files.plays.header: `columns` is missing",
    ),
    "unlisted column": (
        "path: plays.tsv",
        "path: plays.tsv\n    header: false\n    columns: [who, what, when, nn, mood]",
        r":9: files.plays.types.n: no column 'n' in `columns` \(did you mean 'nn'",
    ),
    "csv option": (
        "{path: tracks.jsonl}",
        "{path: tracks.jsonl, delimiter: x}",
        ":8: files.tracks.delimiter: is for csv",
    ),
    "long delimiter": (
        "path: plays.tsv",
        "path: plays.tsv\n    delimiter: '::'",
        "several characters needs `quote: null`",
    ),
    "kinds": ("tag: mood}", "tag: mood, kinds: [genre]}", r":\d+: assignments.kinds: .*always holds `tag`"),
    "kinds misspelt": (
        "tag: mood}",
        "tag: mood, kinds: [genres, tag]}",
        r"assignments.kinds\[0\]: .*'genre'",
    ),
    "genre twice": (
        "edges:\n",
        "  genre: [{file: people, key: id}]\nedges:\n",
        "nodes.genre: the assignments already make",
    ),
    "edges twice": (
        "assignments:",
        "  - {relation: likes, file: plays, src: who, dst: what}\nassignments:",
        r":22: edges\[1\]: edges\[0\] already gives user likes song",
    ),
    "empty": (SMALL, "", " is empty"),
    "not a mapping": (SMALL, "- 1\n", ":1: top level: "),
    "several mistakes": ("name: mine", "nam: mine", r"\(did you mean 'name'"),
    "date": ("time: when", "time: {column: when, not_before: yesterday}", r":21: edges\[0\].time.not_before"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_name_file_line_and_key(tmp_path: Path, mistake: str) -> None:
    old, new, message = MISTAKES[mistake]
    assert SMALL.count(old) == 1
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL.replace(old, new))
    with pytest.raises(SchemaError, match=message) as caught:
        DumpSpec.load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_the_example_in_the_documentation_loads(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "build_graphs.md").read_text(encoding="utf-8")
    examples = [block.split("```")[0] for block in text.split("```yaml\n")[1:]]
    for example in (whole for whole in examples if whole.startswith("name:")):
        (tmp_path / "mine.yaml").write_text(example)
        DumpSpec.load(tmp_path / "mine.yaml")
    example = next(example for example in examples if example.startswith("name: mine\n"))
    (tmp_path / "mine.yaml").write_text(example)
    assert DumpSpec.load(tmp_path / "mine.yaml").edges[0].dst_type == "song"
    (tmp_path / "mine.yaml").write_text(example.replace("weight", "wieght"))
    with pytest.raises(SchemaError) as caught:
        DumpSpec.load(tmp_path / "mine.yaml")
    assert str(caught.value).replace(f"{tmp_path}/", "") in text


def test_unknown_dump() -> None:
    with pytest.raises(
        SchemaError, match=r"'hetrec-lastfn' is neither .* \(did you mean 'hetrec-lastfm'\?\)"
    ):
        DumpSpec.load("hetrec-lastfn")
    with pytest.raises(SchemaError, match="built-in names: hetrec-lastfm"):
        DumpSpec.load("/nowhere/at/all.yaml")


def test_ambiguous_ends_ask_for_types() -> None:
    value = yaml.safe_load(SMALL)
    value["nodes"]["artist"] = [{"file": "tracks", "key": "artist"}]
    spec = DumpSpec.model_validate(value)
    problem = dump_check.first_problem(spec)
    assert problem is not None
    assert problem.location == ("edges", 0, "relation")
    assert "could connect user -> song, user -> artist; give `src_type` and `dst_type`" in problem.message
    with pytest.raises(SchemaError, match=r"dump 'mine': edges\[0\].relation: 'likes' could connect"):
        dump_check.check(spec)
    value["edges"][0]["dst_type"] = "song"
    spec = DumpSpec.model_validate(value)
    dump_check.check(spec)
    assert dump_uses.edge_type(spec, spec.edges[0], Ontology.load()) == ("user", "likes", "song")


def test_undeclared_ends_must_be_created() -> None:
    value = yaml.safe_load(SMALL)
    del value["nodes"]["user"], value["files"]["people"]
    value["edges"][0] |= {"src_type": "user", "dst_type": "song"}
    problem = dump_check.first_problem(DumpSpec.model_validate(value))
    assert problem is not None
    assert "no 'user' under `nodes`" in problem.message
    value["edges"][0]["on_unknown"] = "create"
    problem = dump_check.first_problem(DumpSpec.model_validate(value))
    assert problem is not None, "the assignments still drop"
    value["assignments"]["on_unknown"] = "create"
    dump_check.check(DumpSpec.model_validate(value))


def test_genres_may_come_from_a_file_if_assignments_leave_them() -> None:
    value = yaml.safe_load(SMALL)
    value["nodes"]["genre"] = [{"file": "people", "key": "id"}]
    value["edges"].append({"relation": "has_genre", "file": "tracks", "src": "track", "dst": "genre"})
    problem = dump_check.first_problem(DumpSpec.model_validate(value))
    assert problem is not None
    assert "leave 'genre' out of `kinds`" in problem.message
    value["assignments"]["kinds"] = ["emotion", "tag"]
    dump_check.check(DumpSpec.model_validate(value))
