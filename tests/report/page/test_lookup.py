"""Data of the search, against what is known of a run of three users."""

from __future__ import annotations

import pytest

from hetmusic.recommend import Run
from hetmusic.report.page import lookup
from hetmusic.report.page.catalogue import Catalogue
from hetmusic.report.page.lookup import coverage_text, users_data
from hetmusic.report.page.reasons import Reasons, alike
from tests.report.page.worlds import run_with_names


def named(catalogue, lists):
    names = catalogue.to_dict()["names"]
    return [[names[number] for number in one] for one in lists]


def no_reasons(users, lists, played):
    return Reasons([[[] for _ in one] for one in lists])


def test_golden(run_folder):
    """u0 trains on a0, validates on a1, is tested on a4; see tests/recommend/conftest.py."""
    run = Run.open(run_folder)
    catalogue = Catalogue(run, run.graph)
    found = users_data(run, catalogue, no_reasons)
    data = found.data
    assert (found.number, found.total) == (3, 3)
    assert data["keys"] == ["u0", "u1", "u2"]
    assert data["names"] is None
    assert named(catalogue, data["history"]) == [["Artist 0", "Artist 1"], ["Artist 2"], ["Artist 5"]]
    assert data["played"] == [2, 1, 1]
    assert named(catalogue, data["recommended"])[0] == ["Artist 2", "Artist 3", "a4", "Artist 5"]
    assert data["scores"][0] == [4.0, 3.0, 2.0, 1.1]
    assert named(catalogue, data["held_out"]) == [["a4"], [], ["Artist 3"]]
    assert data["plays"] is None
    assert (data["parts"], data["shares"]) == ({}, {})


def test_most_played_first(tmp_path):
    run = Run.open(run_with_names(tmp_path, [f"song {n}" for n in range(20)], users=3, likes=12))
    data = users_data(run, Catalogue(run, run.graph), no_reasons).data
    for user, plays in enumerate(data["plays"]):
        assert plays == sorted(plays, reverse=True)
        train, valid = run.split.train, run.split.valid
        mine = [*train.dst[train.src == user], *valid.dst[valid.src == user]]
        assert sorted(plays) == sorted(1 + user + int(item) for item in mine)


def test_a_budget_leaves_a_sample_that_fits(tmp_path):
    run = Run.open(run_with_names(tmp_path, [f"song {n}" for n in range(40)], users=60, likes=20))
    whole = users_data(run, Catalogue(run, run.graph), alike(run))
    size = len(lookup.json.dumps(whole.data))
    catalogue = Catalogue(run, run.graph)
    part = users_data(run, catalogue, alike(run), budget=size // 4)
    assert 5 < part.number < 30
    assert len(lookup.json.dumps(part.data)) < size // 2
    shown = {number for one in part.data["why"] for mine in one for why in mine for number in why[1:]}
    assert shown == set(range(len(part.data["words"])))
    assert len(catalogue.to_dict()["names"]) <= 40
    assert part.data["keys"] == sorted(part.data["keys"])
    assert coverage_text(part).startswith(f"Knows {part.number} of 60 users")
    assert coverage_text(whole) == "Knows all 60 users."
    one = part.data["keys"][0]
    at = whole.data["keys"].index(one)
    assert part.data["scores"][0] == whole.data["scores"][at]
    assert part.data["plays"][0] == whole.data["plays"][at]


def test_many_users_are_sampled_before_anything_is_computed(run_folder, monkeypatch):
    monkeypatch.setattr(lookup, "MOST_USERS", 2)
    run = Run.open(run_folder)
    found = users_data(run, Catalogue(run, None), no_reasons)
    assert (found.number, found.total, len(found.data["history"])) == (2, 3, 2)


@pytest.mark.parametrize("item", ["song", "artist"])
def test_catalogue(tmp_path, item):
    run = Run.open(run_with_names(tmp_path, [f"n{n}" for n in range(9)], item=item))
    catalogue = Catalogue(run, run.graph)
    assert catalogue.numbers([5, 2, 5]) == [0, 1, 0]
    found = catalogue.to_dict()
    assert found["names"] == ["n5", "n2"]
    assert found["keys"] == [f"{item[0]}005", f"{item[0]}002"]
    assert [[found["genre_names"][g] for g in genres] for genres in found["genres"]] == [["n1"], ["n2"]]
    if item == "artist":
        assert found["by"] is None
    else:
        assert [found["by_names"][number] for number in found["by"]] == ["n1", "n2"]


def test_catalogue_without_the_graph(run_folder):
    run = Run.open(run_folder)
    catalogue = Catalogue(run, None)
    catalogue.number(4)
    assert catalogue.to_dict() == {
        "names": ["a4"], "keys": None, "genres": None, "genre_names": [], "by": None, "by_names": [],
    }  # fmt: skip


def test_lists_of_another_length(run_folder):
    run = Run.open(run_folder)
    data = users_data(run, Catalogue(run, None), alike(run), top=2).data
    assert [len(each) for each in data["recommended"]] == [2, 2, 2]
