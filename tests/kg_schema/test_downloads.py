"""What a specification says about downloads, and dumps that other packages bring along."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import ValidationError

from kg_schema import catalogue
from kg_schema.dump import DumpSpec, builtin_names, dump_names
from kg_schema.dump_downloads import Download
from kg_schema.errors import SchemaError

ZIP = "https://data.example/a%20b.zip?version=2"


def test_names_and_contents() -> None:
    load = Download(url=ZIP)
    assert (load.file, load.gives) == ("a b.zip", ["a b.zip"])
    load = Download(url=ZIP, name="x.zip", unpack=["a.csv", "tree/"])  # type: ignore[arg-type]
    assert (load.file, load.gives) == ("x.zip", ["a.csv", "tree/"])
    assert Download(url=ZIP, unpack={"deep/a.csv": "a.csv"}).gives == ["a.csv"]
    assert Download(page="https://data.example", name="a.csv").file == "a.csv"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "give the `url`, or the `page`"),
        ({"url": "ftp://data.example/a.zip"}, "begins with http"),
        ({"url": "file:///etc/passwd"}, "begins with http"),
        ({"url": "https:///a.zip"}, "names a host"),
        ({"url": "https://data.example/"}, "what is the file called"),
        ({"page": "https://data.example"}, "what is the file called"),
        ({"url": ZIP, "name": "../a.zip"}, "leaves the raw folder"),
        ({"url": "https://data.example/%2e%2e"}, "leaves the raw folder"),
        ({"url": "https://data.example/x%2f..%2fa"}, "leaves the raw folder"),
        ({"url": ZIP, "name": "a/b.zip"}, "plain name"),
        ({"url": "https://data.example/a.csv", "unpack": ["b"]}, "can be unpacked"),
        ({"url": ZIP, "unpack": {"a": "../b"}}, "leaves the raw folder"),
        ({"url": ZIP, "unpack": {"/a": "b"}}, "leaves the raw folder"),
        ({"url": ZIP, "unpack": {"a/": "b"}}, "a folder goes into a folder"),
        ({"url": ZIP, "sha256": "abc"}, "pattern"),
        ({"url": ZIP, "md5": "A" * 32}, "pattern"),
        ({"url": ZIP, "size": -1}, "greater than or equal"),
        ({"url": ZIP, "chekcsum": ""}, "unknown key"),
    ],
)
def test_refused(value: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Download.model_validate(value)


@pytest.mark.parametrize("name", builtin_names())
def test_downloads_give_the_files_of_built_in_dumps(name: str) -> None:
    """Every file of a dump has to come from somewhere, packed or not."""
    spec = DumpSpec.load(name)
    if not spec.downloads:
        pytest.skip("a dump that cannot be downloaded")
    given = [place for load in spec.downloads for place in load.gives]
    for entry in spec.files.values():
        paths = [f"{path}{suffix}" for path in entry.path for suffix in ("", ".gz", ".zip")]
        there = [path for path in paths for place in given if path == place or f"{path}/".startswith(place)]
        assert there or entry.optional, entry.path


class Point(EntryPoint):
    """An entry point of a package that is not installed."""

    value_loaded: object = None

    def load(self) -> object:
        if isinstance(self.value_loaded, Exception):
            raise self.value_loaded
        return self.value_loaded


def install(monkeypatch: pytest.MonkeyPatch, name: str, loaded: object) -> None:
    point = type("Point", (Point,), {"value_loaded": loaded})(name, "pack.dumps:MINE", catalogue.GROUP)
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [point] if group == catalogue.GROUP else [])


def test_dumps_of_other_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((catalogue.DUMPS / "taste-profile.yaml").read_text())
    install(monkeypatch, "theirs", path)
    assert dump_names() == [*builtin_names(), "theirs"]
    assert DumpSpec.load("theirs").source == path
    install(monkeypatch, "hetrec-lastfm", path)
    assert dump_names() == builtin_names()
    assert DumpSpec.load("hetrec-lastfm").name == "hetrec-lastfm", "a package cannot replace a built-in dump"


@pytest.mark.parametrize(
    ("loaded", "message"),
    [
        (ImportError("no such thing"), r"'theirs' of package 'pack\.dumps' cannot be loaded \(ImportError"),
        (Path("nowhere.yaml"), "is not the path of a YAML file"),
        (7, "is not the path of a YAML file: 7"),
    ],
)
def test_broken_packages(monkeypatch: pytest.MonkeyPatch, loaded: object, message: str) -> None:
    install(monkeypatch, "theirs", loaded)
    with pytest.raises(SchemaError, match=message):
        DumpSpec.load("theirs")
