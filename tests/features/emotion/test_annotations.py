"""Tables of rated songs: columns, scales, and one clear line for what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from hetmusic.errors import FeatureError
from hetmusic.features.emotion.annotations import parse_scale, read_annotations
from hetmusic.features.emotion.pairs import parse_pairs


def table(tmp_path, text, name="rated.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_ratings_come_out_from_minus_1_to_1(tmp_path):
    found = read_annotations(
        table(tmp_path, "song_id,mean_arousal,std_arousal,mean_valence\n7,1,0.5,9\n8,3,0.1,5\n9,,,\n")
    )
    assert found.keys == ["7", "8"]
    assert found.points.tolist() == [[1, -1], [0, -0.5]]  # valence, arousal
    assert found.scale == (1, 9)
    assert found.info["rows_without_rating"] == 1
    assert found.groups == ["7", "8"]
    assert found.paths is None


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([-0.9, 0.9], (-1, 1)),
        ([0.1, 0.9], (0, 1)),
        ([1.2, 4.8], (1, 5)),
        ([1.5, 6.5], (1, 7)),
        ([1.5, 8.5], (1, 9)),
        ([0.0, 9.5], (0, 10)),
        ([3, 98], (0, 100)),
    ],
)
def test_scales_are_recognised(tmp_path, values, scale):
    text = "key,valence,arousal\n" + "".join(f"{n},{v},{v}\n" for n, v in enumerate(values))
    found = read_annotations(table(tmp_path, text))
    assert found.scale == scale
    expected = [2 * (v - scale[0]) / (scale[1] - scale[0]) - 1 for v in values]
    assert np.allclose(found.points[:, 0], expected)


def test_a_stated_scale_counts(tmp_path):
    path = table(tmp_path, "key,valence,arousal\na,3,4\nb,4,4\n")
    with pytest.raises(
        FeatureError, match=r"run from 3 to 4, which tells no scale; state it by --scale LOW,HIGH"
    ):
        read_annotations(path)
    assert read_annotations(path, scale=(1, 9)).points[0].tolist() == [-0.5, -0.25]


def test_columns_of_other_names_paths_and_groups(tmp_path):
    text = "id\tvalence \tarousal\twhere\tband\nx\t1\t9\tsub/x.mp3\tABBA\ny\t5\t5\t\t\n"
    found = read_annotations(table(tmp_path, text), {"path": "where", "group": "band"})
    assert found.keys == ["x", "y"]
    assert found.paths == ["sub/x.mp3", None]
    assert found.groups == ["group ABBA", "song y"]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "key,valence\na,1\n",
            {},
            r"rated.csv has no column for arousal; name it by --columns arousal=COLUMN",
        ),
        ("key,valence,arousal\n", {}, "has no row with both ratings"),
        (
            "key,valence,arousal\na,1,x\n",
            {},
            r"rated.csv, row 2: arousal 'x' is not a number \(1 of 1 rows\)",
        ),
        ("key,valence,arousal\na,1,9\nb,inf,1\n", {}, r"row 3: valence 'inf' is not a number"),
        (
            "key,valence,arousal\na,1,9\na,1,1\n",
            {},
            r"1 repeated keys in column 'key', the first in row 3: 'a'",
        ),
        ("key,valence,arousal\na,1,9\n,1,1\n", {}, r"1 blank keys in column 'key', the first in row 3"),
        (
            "key,valence,arousal\na,1,9\nb,0,12\n",
            {"scale": (1, 9)},
            r"row 3: valence 0 is not on the scale 1 to 9 \(1 of 2",
        ),
        ("key,valence,arousal\na,1,9\n", {"scale": (9, 1)}, "from a lower to a higher value"),
        (
            "key,valence,arousal\na,1,9\n",
            {"columns": {"valens": "valence"}},
            r"no 'valens'; did you mean 'valence'|valens",
        ),
        ("key,valence,arousal\na,1,9\n", {"columns": {"valence": "valense"}}, r"has no column 'valense'"),
        ("key,valence,arousal\na,1000,9\n", {}, "tells no scale"),
        (b"\xff\xfe\x00", {}, "cannot be read as UTF-8 text"),
        ("key,valence,arousal\na,1,9,4,4\n", {}, "cannot be read as a table"),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, options, message):
    with pytest.raises(FeatureError, match=message) as caught:
        read_annotations(table(tmp_path, text), **options)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(FeatureError, match="does not exist"):
        read_annotations(tmp_path / "none.csv")


def test_options_in_one_text():
    assert parse_pairs("key=song_id, valence=v", "--columns", "key=COLUMN") == {
        "key": "song_id",
        "valence": "v",
    }
    assert parse_scale("1,9") == (1.0, 9.0)
    for wrong in ("key", "=x", "key="):
        with pytest.raises(FeatureError, match=r"--columns .* is not of the form key=COLUMN"):
            parse_pairs(wrong, "--columns", "key=COLUMN")
    for wrong in ("1", "1,2,3", "a,b"):
        with pytest.raises(FeatureError, match="is not of the form LOW,HIGH"):
            parse_scale(wrong)


def test_emomusic(shared_data):
    found = read_annotations(shared_data / "emomusic" / "static_annotations.csv")
    assert len(found) == 744
    assert found.scale == (1, 9)
    assert np.abs(found.points).max() < 0.9
