"""Mistakes that people make: one line that names what is wrong, an exit status, and nothing half-written."""

from __future__ import annotations

import pytest

from tests.cli.mistakes_build import BUILDING, DUMPS
from tests.cli.mistakes_experiments import ABLATING, COMPARING, TUNING
from tests.cli.mistakes_fit import FITTING, RESUMING
from tests.cli.mistakes_graph import IMPORTING, READING_GRAPHS, TRAINING_EMOTION
from tests.cli.mistakes_report import REPORTING
from tests.cli.mistakes_run import OTHERS, USING_RUNS
from tests.cli.mistakes_tools import EXPORTING, VALIDATING
from tests.cli.running import hetmusic, snapshot

GROUPS = {
    "build": BUILDING,
    "dumps": DUMPS,
    "graph": READING_GRAPHS,
    "import": IMPORTING,
    "train-emotion": TRAINING_EMOTION,
    "fit": FITTING,
    "resume": RESUMING,
    "run": USING_RUNS,
    "report": REPORTING,
    "tune": TUNING,
    "compare": COMPARING,
    "ablate": ABLATING,
    "other": OTHERS,
    "validate": VALIDATING,
    "export": EXPORTING,
}
CASES = [
    pytest.param(*found.values, id=f"{group}: {found.id}")
    for group, cases in GROUPS.items()
    for found in cases
]


@pytest.mark.parametrize(("command", "prepare", "expected"), CASES)
def test_mistake(command, prepare, expected, place):
    prepare(place)
    before = snapshot(place.at)
    error = hetmusic(*place.words(command)).error
    for text in expected:
        assert text.format(**place.names) in error
    assert snapshot(place.at) == before
