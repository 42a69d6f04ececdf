"""Points of the map: in order, in range, with the names of their items."""

from __future__ import annotations

import numpy as np

from hetmusic.recommend import Run
from hetmusic.report.figures.clusters import ClustersData
from hetmusic.report.map import Described
from hetmusic.report.page.catalogue import Catalogue
from hetmusic.report.page.map_data import FULL, map_data


def points(x, y, items):
    clusters = [
        Described(number=1, name="rock; energy", size=4, genres=["rock"], emotions=["energy"], items=[]),
        Described(number=2, name="jazz", size=1, genres=["jazz"], emotions=[], items=[]),
    ]
    return ClustersData(
        item_type="artist",
        items=np.array(items),
        x=np.array(x, np.float32),
        y=np.array(y, np.float32),
        cluster=np.array([0] * (len(items) - 1) + [1]),
        clusters=clusters,
        centre_x=[x[0], x[-1]],
        centre_y=[y[0], y[-1]],
    )


def test_golden(run_folder):
    run = Run.open(run_folder)
    catalogue = Catalogue(run, None)
    found = map_data(points([-2, 0, 2], [10, 30, 20], [4, 1, 5]), catalogue)
    assert [catalogue.to_dict()["names"][number] for number in found["items"]] == [
        "a4",
        "Artist 1",
        "Artist 5",
    ]
    assert (found["x"], found["y"]) == ([0, 32768, FULL], [0, FULL, 32768])
    assert found["cluster"] == [0, 0, 1]
    assert found["clusters"] == [
        {"name": "rock; energy", "size": 4, "x": 0, "y": 0},
        {"name": "jazz", "size": 1, "x": FULL, "y": 32768},
    ]
    assert [len(set(colours)) for colours in found["colours"].values()] == [2, 2]


def test_a_single_point_is_in_the_middle(run_folder):
    found = map_data(points([3], [7], [0]), Catalogue(Run.open(run_folder), None))
    assert (found["x"], found["y"], found["cluster"]) == ([FULL // 2], [FULL // 2], [1])
