"""The plane of emotion."""

from __future__ import annotations

import numpy as np
import pytest

from hetmusic.errors import RunError
from hetmusic.report import NotAvailable, ReportSettings, collect, get_figure, open_source

#: a0, a2 and a3 have a point
POINTS = np.array([[0.5, 0.5], [0, 0], [-0.5, 0.1], [0.9, -0.3], [0, 0], [0, 0]], np.float32)
KNOWN = np.array([1, 0, 1, 1, 0, 0], bool)


@pytest.fixture
def with_emotions(run_folder):
    (run_folder / "emotion").mkdir()
    np.save(run_folder / "emotion" / "item.npy", POINTS)
    np.save(run_folder / "emotion" / "item.present.npy", KNOWN)
    return run_folder


def test_golden(with_emotions):
    data = collect(get_figure("emotion"), open_source(with_emotions, ReportSettings(k=2)))
    assert data.items.tolist() == [0, 2, 3]
    assert data.valence.tolist() == pytest.approx([0.5, -0.5, 0.9])
    assert (data.num_known, data.num_items) == (3, 6)
    # training has one listener each of a0, a2 (and a5); the lists are a2, a3 and a3, a1
    assert data.centres["catalogue"] == pytest.approx([0.3, 0.1])
    assert data.centres["training interactions"] == pytest.approx([0.0, 0.3])
    assert data.centres["recommendations"] == pytest.approx([1.3 / 3, -0.5 / 3])
    assert data.tables()[0].rows[1] == ["training interactions", "+0.000", "+0.300"]


def test_drawn(with_emotions):
    figure = get_figure("emotion").drawn(collect(get_figure("emotion"), open_source(with_emotions)))
    (axes,) = figure.axes
    assert len(axes.collections[0].get_offsets()) == 3
    assert {"happiness", "calm", "melancholy", "anger"} <= {text.get_text() for text in axes.texts}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "mean of catalogue",
        "mean of training interactions",
        "mean of recommendations",
    ]


def test_no_emotions(run_folder):
    with pytest.raises(NotAvailable, match="knows no emotions"):
        collect(get_figure("emotion"), open_source(run_folder))


def test_none_is_known(with_emotions):
    np.save(with_emotions / "emotion" / "item.present.npy", np.zeros(6, bool))
    with pytest.raises(NotAvailable, match=r"no artist of .* has a known emotion"):
        collect(get_figure("emotion"), open_source(with_emotions))


def test_damaged(with_emotions):
    (with_emotions / "emotion" / "item.npy").unlink()
    with pytest.raises(RunError):
        collect(get_figure("emotion"), open_source(with_emotions))
