"""Reasons: the model's own where it can be asked, what is alike where it cannot."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from hetmusic.recommend import Run
from hetmusic.recommend.explain.wording import Wording
from hetmusic.report.page.catalogue import Catalogue
from hetmusic.report.page.lookup import histories, users_data
from hetmusic.report.page.reasons import alike, best_reasons


def filled(template, names):
    """As the page's script does it: what is filled in is not looked at again."""
    pieces = template.split("{")
    return pieces[0] + "".join(
        names[int(at)] + rest for at, _, rest in (p.partition("}") for p in pieces[1:])
    )


def test_the_models_own_reasons(fitted):
    run = Run.open(fitted)
    explain, said = best_reasons(run, lambda step: None)
    assert "Shapley" in said
    data = users_data(run, Catalogue(run, run.graph), explain).data
    for at in (0, 17):
        for place, expected in enumerate(run.explain(data["keys"][at], 10)):
            found = data["why"][at][place]
            texts = [filled(data["reasons"][t], [data["words"][n] for n in names]) for t, *names in found]
            assert texts == [reason.text for reason in expected.reasons[:3]]
            for way, parts in (("towers", expected.towers), ("relations", expected.relations)):
                shares = dict(zip(data["parts"][way], data["shares"][way][at][place], strict=True))
                assert shares == pytest.approx({n: parts.contributions.get(n, 0) for n in shares}, abs=0.0051)
                assert {n for n, value in parts.contributions.items() if abs(value) > 0.006} <= set(shares)


def test_without_the_graph_it_is_what_is_alike(fitted, tmp_path):
    shutil.copytree(fitted, tmp_path / "run")
    shutil.copytree(fitted.parent / "graph", tmp_path / "graph")
    info = (tmp_path / "run" / "run.json").read_text()
    (tmp_path / "run" / "run.json").write_text(info.replace(str(fitted.parent), str(tmp_path)))
    shutil.rmtree(tmp_path / "graph")
    run = Run.open(tmp_path / "run")
    explain, said = best_reasons(run, lambda step: None)
    assert f"the graph folder {tmp_path / 'graph'} that the run was fitted on is gone" in said
    data = users_data(run, Catalogue(run, None), explain).data
    assert data["parts"] == {}
    assert all(text.startswith("similar to {0}") for text in data["reasons"])


def test_alike(run_folder):
    """u0 plays a0 = (6, 0, 0) and a1 = (5, 2, 0): a2 = (4, 0, 0) is more like the first, a3 = (3, 3, 0) like the second."""
    run = Run.open(run_folder)
    found = alike(run)([0], [[2, 3]], histories(run, None, np.array([0]))[0])
    text = "similar to {0} and {1}, which you play"
    assert found.why == [
        [[Wording(text, ("Artist 0", "Artist 1"))], [Wording(text, ("Artist 1", "Artist 0"))]]
    ]


def test_nothing_played_gives_no_reason(run_folder):
    run = Run.open(run_folder)
    assert alike(run)([0], [[2, 3]], [np.array([], np.int32)]).why == [[[], []]]
