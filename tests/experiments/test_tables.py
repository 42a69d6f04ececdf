"""Numbers of a summary against hand-computed values and scipy, and the tables made of them."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from hetmusic.errors import RunError
from hetmusic.experiments import tables
from hetmusic.experiments.cells import Cell, CellResult, Measured
from hetmusic.experiments.summary import Row, spread, summarise, user_means

ABOUT = {
    "kind": "comparison",
    "hetmusic": "0",
    "graph": {"name": "tiny", "checksum": "c", "features": "f"},
    "split": "random",
    "split_is_drawn": True,
    "seeds": [0, 1],
    "metric": "ndcg@10",
    "mask": "train+valid",
    "ks": [5, 10],
}
KEYS = ["ndcg@5", "ndcg@10", "recall@5", "recall@10"]


def result(folder, model, seed, users, values, valid=0.5, **cost):
    """A finished cell; all metrics have the same values."""
    place = folder / f"{model}-{seed}"
    place.mkdir(parents=True)
    table = {"user": np.array(users, dtype=np.int32), **{key: np.array(values, dtype=float) for key in KEYS}}
    pl.DataFrame(table).write_parquet(place / "per_user.parquet")
    names = ("graph", "features", "split", "metric", "mask")
    cell = Cell(model=model, settings={}, given={}, seed=seed, ks=[5, 10], **dict.fromkeys(names, "ndcg@10"))
    costs = {"seconds": 2.0, "cpu_seconds": 1.0, "peak_mb": 300.0, "base_mb": 200.0, **cost}
    test = {key: float(np.mean(values)) for key in KEYS} | {"coverage@10": 0.5}
    return CellResult(Measured(cell=cell, hetmusic="0", valid=valid, test=test, protocol={}, **costs), place)


@pytest.fixture
def rows(tmp_path):
    """Three models of two seeds: users 0 to 19, of whom 0 is tested in the first seed alone and 20 in the second."""
    rng = np.random.default_rng(5)
    base = rng.random((2, 20))
    made = []
    for model, shift, valid in [("best", 0.0, 0.9), ("near", -0.02, 0.8), ("far", -0.3, 0.95)]:
        noise = rng.normal(0, 0.05, (2, 20))
        found = {
            seed: result(
                tmp_path,
                model,
                seed,
                np.arange(20) + seed,
                base[seed] + shift + noise[seed],
                valid - 0.2 * (seed if model == "far" else 0),
            )
            for seed in (0, 1)
        }
        made.append(Row(model, model, "defaults", found))
    return made


def averaged(row):
    """Values of every user, averaged over the seeds in which the user was tested, in plain Python."""
    seen = {}
    for found in row.results.values():
        table = pl.read_parquet(found.folder / "per_user.parquet")
        for user, value in zip(table["user"], table["ndcg@10"], strict=True):
            seen.setdefault(user, []).append(value)
    return np.array([sum(values) / len(values) for _, values in sorted(seen.items())])


def test_mean_and_sd_by_hand():
    found = spread([0.1, 0.2, 0.6])
    assert found.pop("values") == [0.1, 0.2, 0.6]
    assert found == pytest.approx({"mean": 0.3, "sd": math.sqrt((0.04 + 0.01 + 0.09) / 2)})
    assert spread([0.5]) == {"mean": 0.5, "sd": None, "values": [0.5]}
    assert spread([]) is None


def test_users_are_averaged_over_the_seeds_that_have_them(tmp_path):
    first = result(tmp_path, "m", 0, [1, 4, 7], [0.0, 0.5, 1.0])
    second = result(tmp_path, "m", 1, [4, 9], [0.1, 0.2])
    users, values = user_means([first, second], ["ndcg@10", "recall@5"])
    assert users.tolist() == [1, 4, 7, 9]
    assert values[:, 0] == pytest.approx([0.0, 0.3, 1.0, 0.2])
    np.testing.assert_array_equal(values[:, 0], values[:, 1])


def test_metrics_are_means_over_seeds(rows):
    summary = summarise(rows, None, ABOUT)
    for row, described in zip(rows, summary.rows, strict=True):
        values = [found.measured.test["ndcg@10"] for found in row.results.values()]
        assert described["metrics"]["ndcg@10"]["mean"] == pytest.approx(np.mean(values))
        assert described["metrics"]["ndcg@10"]["sd"] == pytest.approx(stats.tstd(values))
        assert described["cost"]["seconds"]["mean"] == 2.0
    assert "coverage@10" in summary.rows[0]["metrics"]


def test_the_reference_is_the_best_on_validation_not_on_test(rows, tmp_path):
    # far is best in its first seed, and on average behind
    assert summarise(rows, None, ABOUT).reference == "best"
    assert summarise(rows, "near", ABOUT).reference == "near"
    lucky = result(tmp_path / "o", "lucky", 0, np.arange(20), np.ones(20), valid=0.1)
    found = [rows[0], Row("lucky", "lucky", "defaults", {0: lucky})]
    assert summarise(found, None, ABOUT).reference == "best"


def test_tests_are_scipys_on_users(rows):
    summary = summarise(rows, "best", ABOUT)
    best, near, far = (averaged(row) for row in rows)
    assert len(best) == 21
    assert summary.rows[0]["tests"] == {}
    for values, described in zip((near, far), summary.rows[1:], strict=True):
        found = described["tests"]["ndcg@10"]
        assert found["difference"] == pytest.approx(np.mean(values - best))
        assert found["relative"] == pytest.approx(np.mean(values) / np.mean(best) - 1)
        assert found["p"]["t"] == pytest.approx(stats.ttest_rel(values, best).pvalue)
        assert found["p"]["wilcoxon"] == pytest.approx(stats.wilcoxon(values, best).pvalue)
        assert (found["users"], found["seeds"]) == (21, [0, 1])
        assert found["low"] < found["difference"] < found["high"]
        assert found["relative_low"] < found["relative"] < found["relative_high"]
        low, high = stats.bootstrap(
            (values - best,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(0)
        ).confidence_interval
        assert (found["low"], found["high"]) == pytest.approx((low, high), abs=0.01)


def test_p_values_are_holm_corrected_over_the_rows(rows):
    summary = summarise(rows, "best", ABOUT)
    near, far = (row["tests"]["ndcg@10"] for row in summary.rows[1:])
    for name in ("t", "wilcoxon", "randomisation"):
        small, large = sorted([near["p"][name], far["p"][name]])
        assert small < large
        adjusted = {small: min(1, 2 * small), large: min(1, max(2 * small, large))}
        for found in (near, far):
            assert found["p_holm"][name] == pytest.approx(adjusted[found["p"][name]])
    assert far["p_holm"]["t"] < 0.001 < near["p_holm"]["t"]


def test_with_one_other_row_nothing_is_corrected(rows):
    found = summarise(rows[:2], "best", ABOUT).rows[1]["tests"]["ndcg@10"]
    assert found["p_holm"] == found["p"]


def test_identical_models_do_not_differ(tmp_path, rows):
    twin = Row("twin", "best", "defaults", rows[0].results)
    found = summarise([rows[0], twin], "best", ABOUT).rows[1]["tests"]["ndcg@10"]
    assert (found["difference"], found["low"], found["high"]) == (0, 0, 0)
    assert found["p"] == {"t": 1.0, "wilcoxon": 1.0, "randomisation": 1.0}


def test_only_common_seeds_are_compared(rows):
    half = Row("half", "near", "defaults", {1: rows[1].results[1]}, {0: "killed by SIGKILL"})
    summary = summarise([rows[0], half], "best", ABOUT)
    found = summary.rows[1]["tests"]["ndcg@10"]
    tables_ = [pl.read_parquet(row.results[1].folder / "per_user.parquet") for row in rows[:2]]
    assert found["difference"] == pytest.approx((tables_[1]["ndcg@10"] - tables_[0]["ndcg@10"]).mean())
    assert (found["seeds"], found["users"]) == ([1], 20)
    assert summary.rows[1]["problem"] == "seed 0: killed by SIGKILL"
    none = Row("none", "near", "defaults", {2: rows[1].results[1]})
    assert summarise([rows[0], none], "best", ABOUT).rows[1]["tests"] == {}


def test_other_users_are_no_comparison(tmp_path, rows):
    other = {seed: result(tmp_path / "o", "other", seed, [0, 1], [0.1, 0.2]) for seed in (0, 1)}
    with pytest.raises(RunError, match="other and best were tested on different users"):
        summarise([rows[0], Row("other", "other", "defaults", other)], "best", ABOUT)


def test_problems_are_told_once():
    failures = {0: "too small", 1: "too large", 2: "too small"}
    assert Row("m", "m", "d", {}, failures).problem == "seeds 0, 2: too small; seed 1: too large"
    assert Row("m", "m", "d", {}, {}, "not in this graph").problem == "not in this graph"
    assert Row("m", "m", "d", {}).problem is None


def test_zeros_give_no_percentage(tmp_path):
    pair = [
        Row(name, name, "defaults", {0: result(tmp_path, name, 0, range(9), [value] * 9)})
        for name, value in [("zero", 0.0), ("some", 0.25)]
    ]
    summary = summarise(pair, "zero", ABOUT)
    found = summary.rows[1]["tests"]["ndcg@10"]
    assert (found["difference"], found["relative"], found["relative_low"]) == (0.25, None, None)
    shown = tables.tests_table(summary, "ndcg@10")
    assert shown.rows == [["some", "+0.2500", "–", "–", "<0.0001", shown.rows[0][-1]]]
    json.dumps(summary.to_dict(), allow_nan=False)


# -- the files ----------------------------------------------------------------------------------------------------


def markdown_tables(text):
    """Title -> rows of cells."""
    found = {}
    for part in text.split("### ")[1:]:
        lines = part.splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"]
        found[lines[0]] = [cells[0], *cells[2:]]
    return found


def test_markdown_says_what_the_summary_says(rows, tmp_path):
    summary = summarise(rows, None, ABOUT)
    summary.save(tmp_path)
    text = (tmp_path / "results.md").read_text()
    metrics, tests, recall, cost = markdown_tables(text).values()
    assert text.startswith(
        "### tiny, split random, 2 seeds (a split each), train and valid masked\n\n| model | ndcg@10 |"
    )
    for row, line in zip(summary.rows, metrics[1:], strict=True):
        found = row["metrics"]["ndcg@10"]
        plain = line[1].replace("**", "").replace("<u>", "").replace("</u>", "")
        assert (line[0], plain) == (row["label"], f"{found['mean']:.4f} ± {found['sd']:.4f}")
    assert [line[1][:2] for line in metrics[1:]] == ["**", "<u", metrics[3][1][:2]]
    assert tests[0] == ["model", "difference", "in %", "95 % interval", "p (t)", "p (rand.)"]
    assert [line[0] for line in tests[1:]] == ["near", "far"]
    found = summary.rows[2]["tests"]["ndcg@10"]
    assert tests[2][1:4] == [
        f"{found['difference']:+.4f}",
        f"{100 * found['relative']:+.1f}",
        f"[{100 * found['relative_low']:+.1f}, {100 * found['relative_high']:+.1f}]",
    ]
    assert tests[2][4] == "<0.0001"
    assert recall == tests
    assert cost[1] == ["best", "2.0", "1.0", "300", "200", "defaults"]
    assert "row minus best" in text


def test_csv_has_a_line_for_every_row_and_metric(rows, tmp_path):
    summary = summarise(rows, None, ABOUT)
    summary.save(tmp_path)
    with open(tmp_path / "results.csv", newline="") as stream:
        assert {len(line) for line in csv.reader(stream)} == {19}
    table = pl.read_csv(tmp_path / "results.csv")
    assert table.height == 3 * 5
    assert table.filter(pl.col("label") == "best")["p_t"].null_count() == 5
    line = table.row(by_predicate=(pl.col("label") == "far") & (pl.col("metric") == "ndcg@10"), named=True)
    found = summary.rows[2]["tests"]["ndcg@10"]
    assert line["mean"] == summary.rows[2]["metrics"]["ndcg@10"]["mean"]
    assert (line["reference"], line["difference"]) == ("best", found["difference"])
    assert (line["p_t_holm"], line["p_wilcoxon"]) == (found["p_holm"]["t"], found["p"]["wilcoxon"])


def test_json_is_everything(rows, tmp_path):
    summary = summarise(rows, None, ABOUT)
    summary.save(tmp_path)
    stored = json.loads((tmp_path / "results.json").read_text())
    assert stored["rows"] == summary.rows
    assert stored["tests"]["reference"] == "best"
    assert stored["seeds"] == [0, 1]


def test_equal_values_share_their_place(rows):
    twin = Row("twin", "best", "defaults", rows[0].results)
    summary = summarise([rows[0], twin, rows[1]], None, ABOUT)
    marks = [line[1][-1] for line in tables.metrics_table(summary, ["ndcg@10"]).rows]
    assert marks == ["*", "*", "+"]


def test_one_row_is_compared_with_nothing(rows):
    summary = summarise(rows[:1], None, ABOUT)
    assert tables.tests_table(summary, "ndcg@10") is None
    assert not any("tests" in line for line in tables.explanations(summary))


@pytest.mark.parametrize(
    ("p", "shown"), [(None, "–"), (0.00001, "<0.0001"), (0.01234, "0.0123"), (0.567, "0.57"), (1.0, "1.00")]
)
def test_p_values_are_short(p, shown):
    assert tables._p_value(p) == shown
