"""The published figures of protocols P1 and P2 on the real HetRec data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hetmusic.errors import SplitError
from hetmusic.graph import MusicGraph, TrainingView, check_leakage
from hetmusic.graph.splits import kfold_split, random_split, split_from_file


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_p1_counts(hetrec: MusicGraph, seed: int) -> None:
    split = random_split(hetrec, seed=seed)
    assert split.counts == {"train": 74_295, "valid": 9_269, "test": 9_270, "unused": 0}
    assert len(np.unique(split.test.src)) == 1_884


def test_p2_counts(hetrec: MusicGraph, shared_data: Path) -> None:
    split = split_from_file(hetrec, shared_data / "lfm2k-mm" / "lfm2k_og_ids.inter")
    assert split.counts == {"train": 44_327, "valid": 4_799, "test": 7_219, "unused": 92_834 - 56_345}
    assert split.items is not None
    assert len(split.items) == 1_425
    assert len(np.unique(split.select("train", "valid", "test").src)) == 1_858


def test_reindexed_ids_are_refused(hetrec: MusicGraph, shared_data: Path) -> None:
    with pytest.raises(
        SplitError, match=r"of 56,345 rows .*no such likes edge .*first: line 2, user '0', item '0'"
    ):
        split_from_file(hetrec, shared_data / "lfm2k-mm" / "lfm2k.inter")


def test_rows_keep_the_order_of_the_raw_file(hetrec: MusicGraph, shared_data: Path) -> None:
    """So that folds by row are those of the published code."""
    raw = np.loadtxt(shared_data / "hetrec-lastfm-2k" / "user_artists.dat", skiprows=1, dtype=np.int64)
    split = kfold_split(hetrec, k=5, fold=2, by="row", valid_ratio=0.0)
    users = np.array(hetrec.keys("user"), dtype=np.int64)[split.test.src]
    artists = np.array(hetrec.keys("artist"), dtype=np.int64)[split.test.dst]
    assert np.array_equal(np.stack([users, artists], axis=1), raw[2::5, :2])


def test_view_is_clean_and_the_whole_graph_is_not(hetrec: MusicGraph) -> None:
    split = random_split(hetrec, seed=0)
    view = TrainingView(hetrec, split)
    assert check_leakage(view, hetrec, split).clean
    report = check_leakage(hetrec.relations(), hetrec, split)
    assert report.counts["user__likes__artist"] == report.counts["artist__liked_by__user"] == 18_539
    # about 14,700 tag rows touch a held-out pair
    assert 13_500 < report.counts["artist__has_tag__tag"] < 16_000
