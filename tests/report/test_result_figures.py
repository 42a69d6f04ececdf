"""Figures of comparisons and ablations."""

from __future__ import annotations

import json

import pytest

from hetmusic.errors import RunError
from hetmusic.report import NotAvailable, collect, figures_for, get_figure, open_source
from tests.report.results import row, write_results


@pytest.fixture
def ablation(tmp_path):
    rows = [
        row("full", [0.2, 0.4]),
        row("without social", [0.15, 0.25], -0.1),
        row("without emotion", [], problem="the graph has none"),
    ]
    return write_results(tmp_path / "ablation", "ablation", rows, "full")


@pytest.fixture
def comparison(tmp_path):
    rows = [row("popularity", [0.1], -0.5), row("mmgnn", [0.2])]
    return write_results(tmp_path / "comparison", "comparison", rows, "mmgnn")


def test_ablation(ablation):
    data = collect(get_figure("ablation"), open_source(ablation)).to_dict()
    assert data["labels"] == ["full", "without social"]
    assert data["metrics"] == ["recall@50", "ndcg@50"]
    assert data["means"] == [[0.3, 0.2]] * 2
    assert data["sds"] == [[0.141421, 0.0707107]] * 2
    assert data["relative"] == [[None, -0.1]] * 2
    assert (data["low"], data["high"]) == ([[None, -0.12]] * 2, [[None, -0.09]] * 2)
    assert data["notes"] == [
        "tiny, split random, 2 seeds (a split each), train and valid masked.",
        "Without all results: without emotion: the graph has none.",
    ]
    assert [table["title"] for table in data["cells"]] == [
        "tiny, split random, 2 seeds (a split each), train and valid masked",
        "ndcg@10 against full",
        "recall@10 against full",
        "cost of a fit",
    ]


def test_ablation_drawn(ablation):
    spec = get_figure("ablation")
    first, second, third = spec.drawn(collect(spec, open_source(ablation))).axes
    assert [axes.get_title(loc="left") for axes in (first, second)] == ["(a) recall@50", "(b) ndcg@50"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["full", "without social"]
    assert [bar.get_width() for bar in first.patches] == pytest.approx([0.3, 0.2])
    # a loss of 10 %, from 9 to 12, one marker a metric
    (point, _caps, spans) = third.containers[0]
    assert point.get_xdata() == pytest.approx([10])
    assert spans[0].get_segments()[0][:, 0] == pytest.approx([9, 12])


def test_comparison(comparison):
    spec = get_figure("comparison")
    data = collect(spec, open_source(comparison))
    assert data.metrics == ["ndcg@10", "recall@10"]
    assert (data.means, data.reference) == ([[0.1, 0.2]] * 2, "mmgnn")
    third = spec.drawn(data, "dark").axes[2]
    assert third.containers[0][0].get_xdata() == pytest.approx([-50])


def test_a_single_model(tmp_path):
    folder = write_results(tmp_path / "one", "comparison", [row("ease", [0.2, 0.2])], "ease")
    spec = get_figure("comparison")
    assert len(spec.drawn(collect(spec, open_source(folder))).axes) == 2


def test_no_row_has_results(tmp_path):
    rows = [row("full", [], problem="seed 0: killed")]
    folder = write_results(tmp_path / "none", "ablation", rows, None)
    with pytest.raises(NotAvailable, match="full: seed 0: killed"):
        collect(get_figure("ablation"), open_source(folder))


def test_every_kind_has_its_figures(ablation, comparison, run_folder):
    assert [spec.name for spec in figures_for(open_source(ablation))] == ["ablation"]
    assert [spec.name for spec in figures_for(open_source(comparison))] == ["comparison"]
    assert not {"ablation", "comparison"} & {spec.name for spec in figures_for(open_source(run_folder))}


def test_the_wrong_kind(ablation, run_folder):
    with pytest.raises(NotAvailable, match="figure metrics shows what hetmusic fit has written"):
        collect(get_figure("metrics"), open_source(ablation))
    with pytest.raises(NotAvailable, match="figure ablation shows what hetmusic ablate has written"):
        collect(get_figure("ablation"), open_source(run_folder))


def test_unfinished(ablation):
    (ablation / "results.json").unlink()
    with pytest.raises(RunError, match="is not finished"):
        open_source(ablation)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rows": None}, "field rows"),
        ({"kind": 3}, "field kind"),
        ({"rows": [{}]}, r"field rows\[0\].label"),
        ({"rows": ["x"]}, r"field rows\[0\].label"),
    ],
)
def test_damaged(ablation, change, field):
    path = ablation / "results.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RunError, match=f"results.json is damaged: {field}"):
        open_source(ablation)


def test_a_damaged_row(ablation):
    path = ablation / "results.json"
    content = json.loads(path.read_text())
    content["rows"][0]["metrics"]["ndcg@50"] = {"mean": 0.1}
    path.write_text(json.dumps(content))
    with pytest.raises(RunError, match="are damaged: KeyError: 'sd'"):
        collect(get_figure("ablation"), open_source(ablation))


def test_neither_run_nor_result(tmp_path, run_folder, graph):
    with pytest.raises(RunError, match="no such folder"):
        open_source(tmp_path / "nothing")
    with pytest.raises(RunError, match="it is a graph"):
        open_source(graph.path)
    with pytest.raises(RunError, match="is not a folder"):
        open_source(run_folder / "run.json")
    with pytest.raises(RunError, match="neither a run nor the result"):
        open_source(tmp_path)
