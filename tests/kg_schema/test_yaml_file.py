"""YAML with positions: what is refused, and where the message points."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg_schema.errors import SchemaError
from kg_schema.yaml_file import YamlFile


def test_positions() -> None:
    document = YamlFile.parse("a:\n  - b: 1\n    c: 2\n  - 3\n", "f.yaml")
    assert document.data == {"a": [{"b": 1, "c": 2}, 3]}
    assert document.line(("a", 0, "c")) == 3
    assert document.line(("a", 1)) == 4
    assert document.line(("a", 0, "missing", "deeper")) == 2
    with pytest.raises(SchemaError, match=r"^f\.yaml:3: a\[0\]\.c: wrong$"):
        document.fail(("a", 0, "c"), "wrong")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml is empty"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: a: this key was already given on line 1"),
        ("a:\n  b: {c: 1, c: 2}\n", "f.yaml:2: a.b.c: this key was already given on line 2"),
        ("a: &x [1]\nb: *x\n", r"f.yaml:2: aliases \(\*x\) are not allowed"),
        ("a: [1,\nb: 2\n", "f.yaml:.: not valid YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", "f.yaml:1: not valid YAML: could not determine"),
        ("[" * 500, "f.yaml:1: more than 50 levels of nesting"),
        ("? [a]\n: 1\n", "f.yaml:1: a key must be a single word"),
        ("a: 2009-02-31\n", "f.yaml: not valid YAML"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: not valid YAML"),
        ("a: \x00", "f.yaml: not valid YAML"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(SchemaError, match=rf"^{message}") as caught:
        YamlFile.parse(text, "f.yaml")
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"absent.yaml does not exist"):
        YamlFile.read(tmp_path / "absent.yaml")
    with pytest.raises(SchemaError, match="cannot be read"):
        YamlFile.read(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: caf\xe9")
    with pytest.raises(SchemaError, match=r"latin.yaml is not UTF-8 \(byte 6\)"):
        YamlFile.read(tmp_path / "latin.yaml")
