"""Lexicon files: forms, scales, and what can be wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hetmusic.errors import FeatureError
from hetmusic.features.emotion.lexicon import EmotionLexicon, read_lexicon

NRC_1 = "Word\tValence\tArousal\tDominance\nhappy\t1.0\t0.75\t0.7\nnull\t0.25\t0.5\t0.1\n"
NRC_2 = 'term\tvalence\tarousal\tdominance\nhappy\t1\t0.5\t0.4\nfeel "blue"\t-0.5\t0\t0\n'
WARRINER = '"","Word","V.Mean.Sum","V.SD.Sum","A.Mean.Sum","D.Mean.Sum"\n"1","happy",9,0.9,7,6\n"2","Null","3",1,"5",4\n'
ANEW = "Description,Word No.,Valence Mean,Valence SD,Arousal Mean\nhappy,200,9,1.5,7\n\nnull,201,3,1.6,5\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "lexicon.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text", [NRC_1, NRC_1.split("\n", 1)[1], WARRINER, ANEW, NRC_1.replace("\n", "\r\n")]
)
def test_forms(tmp_path: Path, text: str) -> None:
    lexicon = read_lexicon(written(tmp_path, text))
    assert lexicon.places == {("happy",): (1.0, 0.5), ("null",): (-0.5, 0.0)}


def test_values_from_minus_one_stay(tmp_path: Path) -> None:
    lexicon = read_lexicon(written(tmp_path, "\ufeff" + NRC_2))
    assert lexicon.places == {("happy",): (1.0, 0.5), ("feel", "blue"): (-0.5, 0.0)}
    assert lexicon.info["scale"] == [-1.0, 1.0]
    assert lexicon.info["lexicon"] == "lexicon.txt"


def test_a_stated_scale(tmp_path: Path) -> None:
    lexicon = read_lexicon(written(tmp_path, NRC_1), scale=(-1, 1))
    assert lexicon.places == {("happy",): (1.0, 0.75), ("null",): (0.25, 0.5)}


def test_the_longest_phrase_is_found() -> None:
    lexicon = EmotionLexicon({("blue",): (0, 0), ("feel", "blue"): (-1, 0), ("sky",): (1, 0)})
    assert list(lexicon.find(["i", "feel", "blue", "blue", "sky", "feel"])) == [
        (2, (-1, 0)),
        (1, (0, 0)),
        (1, (1, 0)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("word\tvalence\tarousal\n", "has no words"),
        ("word\tvalence\nhappy\t1\n", "no column for arousal; its first row is word, valence"),
        ("happy,fun\n", "no column for word, valence, arousal"),
        (NRC_1 + "sad\t\t0.5\t0\n", "row 4: valence is blank"),
        (NRC_1 + "\t0.1\t0.5\t0\n", "row 4: word is blank"),
        (NRC_1 + "sad\t0.1\n", "row 4: arousal is blank"),
        (NRC_1 + "\nsad\t0.1\tlow\t0\n", "row 5: arousal 'low' is not a number"),
        (NRC_1 + "sad\tnan\t0\t0\n", "row 4: valence 'nan' is not a number"),
        (WARRINER + "3,sad,0.5,1,4,1\n", "row 4: valence 0.5 is not on the scale .*1 of 3 rows"),
        (NRC_1 + "sad\t0\t11\t0\n", "row 4: arousal 11 is not on the scale .*1 of 3 rows"),
    ],
)
def test_mistakes_name_row_and_field(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(FeatureError, match=message) as caught:
        read_lexicon(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="cannot be read: No such file"):
        read_lexicon(tmp_path / "none.txt")
    with pytest.raises(FeatureError, match="cannot be read: Is a directory"):
        read_lexicon(tmp_path)
    path = tmp_path / "latin.txt"
    path.write_bytes(b"word\tvalence\tarousal\nf\xfcr\t0\t0\n")
    with pytest.raises(FeatureError, match="not UTF-8"):
        read_lexicon(path)
    with pytest.raises(FeatureError, match="from a lower to a higher"):
        read_lexicon(written(tmp_path, NRC_1), scale=(1, 1))
