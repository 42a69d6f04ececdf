"""Cells in processes of their own: what is measured there, and how they end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hetmusic.experiments.cells import Cell, CellFailure, CellResult, complete_settings
from hetmusic.experiments.comparison import Entry, Protocol, compare
from hetmusic.experiments.problems import SplitChoice, identify_graph, identify_split
from hetmusic.experiments.running import _last_words, run_missing
from hetmusic.experiments.worker import Request
from tests.experiments.toys import FRAGILE, WAVES, Counting


@pytest.fixture(scope="module")
def make_request(problem, tmp_path_factory):
    place = tmp_path_factory.mktemp("workers")
    problem.split.save(place / "split")
    identity = identify_graph(problem.graph)

    def make(model, **given):
        cell = Cell(
            model=model,
            settings=complete_settings(model, given),
            given=given,
            seed=0,
            graph=identity["checksum"],
            features=identity["features"],
            split=identify_split(problem.split),
            metric="ndcg@10",
            mask="train",
            ks=[10],
        )
        return Request(
            cell=cell,
            graph=problem.graph.path,
            split=place / "split",
            out=place / cell.folder_name,
            sys_path=sys.path,
        )

    return make


def test_a_comparison_in_processes(graph, tmp_path):
    """A failure is reported, and the rest goes on; numbers are those of a fit in this process."""
    entries = [
        Entry("mistake", FRAGILE, {"how": "mistake"}),
        Entry("waves", WAVES, {"angle": 2.0}),
    ]
    protocol = Protocol(SplitChoice.parse("random"), (0,))
    summary = compare(graph, entries, protocol, tmp_path / "own")
    mistake, waves = summary.rows
    assert mistake["problem"] == "seed 0: this graph is too small"
    here = compare(graph, entries[1:], protocol, tmp_path / "here", execute=Counting())
    assert waves["metrics"] == here.rows[0]["metrics"]
    assert waves["valid"] == here.rows[0]["valid"]
    assert waves["cost"]["peak_mb"]["mean"] >= waves["cost"]["base_mb"]["mean"] > 50


def test_a_killed_worker(make_request, tmp_path):
    request = make_request(FRAGILE, how="kill")
    ((failure, is_new),) = run_missing([request], tmp_path)
    assert (failure, is_new) == (CellFailure("killed by SIGKILL"), True)
    assert not request.out.exists()
    (log,) = tmp_path.iterdir()
    # which goes when the cell is tried again
    list(run_missing([request], tmp_path, lambda request, log: CellFailure("no")))
    assert not log.exists()


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (3, "", "ended with status 3"),
        (1, "Traceback\n  ...\nValueError: no\n\n", "ValueError: no"),
        (-15, "ValueError: no", "killed by SIGTERM"),
        (-99, "", "ended with status -99"),
        (1, "x" * 500, "x" * 160),
    ],
)
def test_last_words(status, said, expected):
    assert _last_words(status, said) == expected


def test_a_worker_ends_with_the_process_that_started_it(make_request):
    request = make_request(FRAGILE, how="never")
    worker = subprocess.Popen(
        [sys.executable, "-m", "hetmusic.experiments.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    # closes its standard input, as the end of this process would
    answer, _ = worker.communicate(request.model_dump_json().encode() + b"\n", timeout=60)
    assert (answer, worker.returncode) == (b"", 1)
    assert not request.out.exists()


def test_cells_that_are_there_are_not_run(make_request, tmp_path):
    ran = Counting()
    requests = [make_request(WAVES, angle=1.0), make_request(WAVES, angle=1.5)]
    first = list(run_missing(requests, tmp_path, ran))
    second = list(run_missing(requests, tmp_path, ran))
    assert [is_new for _, is_new in first] == [True, True]
    assert [is_new for _, is_new in second] == [False, False]
    assert len(ran.ran) == 2
    assert [r.measured for r, _ in first] == [r.measured for r, _ in second]


def test_one_that_left_nothing(make_request, tmp_path):
    request = make_request(WAVES, angle=5.0)
    nothing = CellFailure("it left no result")
    outcomes = list(run_missing([request, request], tmp_path, lambda request, log: None))
    assert outcomes == [(nothing, True), (nothing, False)]


def test_two_equal_cells_are_run_once(make_request, tmp_path):
    ran = Counting()
    request = make_request(WAVES, angle=6.0)
    results = list(run_missing([request, request], tmp_path, ran))
    assert len(ran.ran) == 1
    assert all(isinstance(found, CellResult) for found, _ in results)
