"""What goes into a page cannot leave its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hetmusic.report.page.embedding import data_address, digest, script_json, visible

#: names as somebody who means ill would choose them
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "]]>&lt;b&gt;",
    "a\u2028b\u2029c",
    "\u202egnp.exe",
    "\u2066hidden\u2069",
    "\"quoted\" 'twice' `thrice`",
    "{{ 7 * 7 }} {% raw %}",
    "\x00\x1b[31mred",
    "half \ud800 a pair",
    "javascript:alert(1)",
    "{0} {1}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_json_cannot_end_its_script(name):
    text = script_json({name: [name, {"x": name}]})
    assert not set("<>&\u2028\u2029\u202e\u2066") & set(text)
    text.encode("utf-8")


VALUES = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(VALUES)
def test_json_says_the_same_but_for_what_steers(value):
    text = script_json(value)
    assert not set("<>&") & set(text)
    plain = json.dumps(value, ensure_ascii=False)
    if plain == visible(plain):
        assert json.loads(text) == value


def test_numbers_that_are_none_are_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json([float("nan")])


def test_letters_of_any_script_stay():
    names = ["بي جي هارفي", "כוורת", "宇多田ヒカル", "Sigur Rós", "🎸\N{ZERO WIDTH JOINER}", "tab\tand\nline"]
    assert [visible(name) for name in names] == names


def test_what_steers_is_shown():
    assert visible("a\u202eb\x1bc\x85d") == "a\ufffdb\ufffdc\ufffdd"
    assert visible("\ud800") == "?"


def test_addresses_and_digests():
    assert data_address(b"<svg/>", "image/svg+xml") == "data:image/svg+xml;base64,PHN2Zy8+"
    # echo -n 'alert(1)' | openssl dgst -sha256 -binary | base64
    assert digest("alert(1)") == "sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI="
