from __future__ import annotations

import json

from hetmusic.recommend import Recommendation, render_json, render_table

LISTS = {
    "2": [Recommendation("51", "Duran Duran", 12.25, 1), Recommendation("7", "ムック", -0.5, 2)],
    "9": [],
}


def test_table() -> None:
    assert render_table(LISTS).split("\n") == [
        "user 2",
        "rank       score  key  name",
        "   1     12.2500  51   Duran Duran",
        "   2     -0.5000  7    ムック",
        "",
        "user 9: nothing left to recommend",
    ]


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = render_table({"a\x1b[2J": [Recommendation("k\n1", "x\ty\x1b[31m", 1, 1)]})
    assert "\x1b" not in text
    assert len(text.split("\n")) == 3


def test_json() -> None:
    text = render_json(LISTS)
    assert "ムック" in text
    assert json.loads(text) == [
        {
            "user": "2",
            "recommendations": [
                {"rank": 1, "item_key": "51", "name": "Duran Duran", "score": 12.25},
                {"rank": 2, "item_key": "7", "name": "ムック", "score": -0.5},
            ],
        },
        {"user": "9", "recommendations": []},
    ]
