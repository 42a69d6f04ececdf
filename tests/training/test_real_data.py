"""Short trainings on real data: far from the best, but well above popularity, through the whole line."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hetmusic.evaluation import evaluate
from hetmusic.features.importing import import_features
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph
from hetmusic.ranking import EmbeddingScorer
from hetmusic.training import load_config


@pytest.fixture(scope="module")
def graph(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hetrec")
    return MusicGraph.build("hetrec-lastfm", raw=shared_data / "hetrec-lastfm-2k", out=folder / "graph")


def popularity(graph, split):
    counts = np.bincount(split.train.dst, minlength=graph.num_nodes("artist")).astype(np.float32)
    return EmbeddingScorer(np.ones((graph.num_nodes("user"), 1), np.float32), counts[:, None])


def test_protocol_p1(graph, tmp_path):
    """Six epochs of a small model; the full training that docs report reaches much more."""
    run = fit(
        graph,
        load_config(overrides=["model.dim=48", "training.epochs=6", "training.lr=0.03"]),
        tmp_path / "run",
    )
    assert run.split.counts == {"train": 74_295, "valid": 9_269, "test": 9_270, "unused": 0}
    found = run.evaluate(ks=(10,))
    assert len(found.users) == 1_884
    assert run.check_leakage().clean
    baseline = evaluate(popularity(graph, run.split), run.split, ks=(10,))["ndcg@10"]
    assert baseline < 0.07
    assert found["ndcg@10"] > 2.2 * baseline


def test_protocol_p2(graph, shared_data, tmp_path):
    """The published split and three imported modalities; artists are joined by their original ids."""
    folder = shared_data / "lfm2k-mm"
    published = pl.read_csv(folder / "lfm2k_og_ids.inter", separator="\t")
    rows = pl.read_csv(folder / "lfm2k.inter", separator="\t")["itemID"]
    keys = dict(zip(rows.to_list(), published["itemID"].to_list(), strict=True))
    (tmp_path / "keys.txt").write_text("".join(f"{keys[row]}\n" for row in range(1_425)))
    for modality, name in (("text", "all-MiniLM-L6-v2"), ("audio", "vggish"), ("voice", "whisper")):
        import_features(
            graph, "artist", modality, folder / f"{name}.npy", tmp_path / "keys.txt", overwrite=True
        )
        assert graph.modality("artist", modality).present.sum() == 1_425
    settings = [
        'split.kind="file"',
        f"split.file={str(folder / 'lfm2k_og_ids.inter')!r}",
        "model.dim=32",
        "training.epochs=5",
        "training.lr=0.03",
        "training.averaging=0.9",
    ]
    run = fit(graph, load_config(overrides=settings), tmp_path / "run")
    assert run.split.counts == {"train": 44_327, "valid": 4_799, "test": 7_219, "unused": 36_489}
    found = run.evaluate(mask="train", ks=(10, 20))
    assert found.num_items == 1_425
    assert len(found.users) == 1_858
    assert run.check_leakage().clean
    assert run.user_embeddings.shape[1] == 4 * 32
    baseline = evaluate(popularity(graph, run.split), run.split, mask="train", ks=(10,))["ndcg@10"]
    # popularity is known to reach .0572 under this protocol
    assert baseline == pytest.approx(0.0572, abs=0.001)
    assert found["ndcg@10"] > 3 * baseline
