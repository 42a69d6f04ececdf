"""The loop as a whole: it learns, validates, stops, and tells what it does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hetmusic.evaluation import evaluate
from hetmusic.fitting import fit, resume
from hetmusic.ranking import EmbeddingScorer
from hetmusic.training import make_config
from hetmusic.training.events import TrainingObserver
from hetmusic.training.make_split import make_split
from hetmusic.training.stopping import EarlyStopping
from hetmusic.training.tensors import trained_items
from hetmusic.training.validation import validation_users
from tests.training.runs import LOSSES, config, losses_of, weights
from tests.training.worlds import community_graph


class TestLearning:
    @pytest.mark.parametrize("propagation", ["full", "sampled"])
    @pytest.mark.parametrize("loss", sorted(LOSSES))
    def test_finds_the_communities(self, graph, tmp_path, loss, propagation):
        """Users like 10 of their community's 15 artists: within the right half, chance gives 1 in 7 or so."""
        chosen = config(
            *LOSSES[loss], f"training.propagation={propagation}", "training.epochs=15", "training.fanout=5"
        )
        run = fit(graph, chosen, tmp_path / "run")
        top = run.recommend(run.user_keys, k=3)
        sides = [
            (int(user[1:]) % 2 == 0) == (int(item.item_key[1:]) < 15)
            for user, items in top.items()
            for item in items
        ]
        assert np.mean(sides) > 0.95

    def test_paper_head_with_social_tower(self, graph, tmp_path):
        chosen = config(
            *LOSSES["bpr"], 'model.head="paper"', "model.social_tower=true", "model.inductive_users=false",
            "model.separate_output=false", 'relations.likes.encoder="mean"', 'relations.friends.encoder="mean"',
            "training.epochs=25",
        )  # fmt: skip
        run = fit(graph, chosen, tmp_path / "run")
        top = run.recommend(run.user_keys, k=3)
        sides = [
            (int(u[1:]) % 2 == 0) == (int(i.item_key[1:]) < 15) for u, items in top.items() for i in items
        ]
        assert np.mean(sides) > 0.8

    def test_loss_falls(self, graph, tmp_path):
        fit(graph, config(), tmp_path / "run")
        history = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
        assert [record["epoch"] for record in history] == list(range(6))
        assert history[-1]["loss"] < 0.8 * history[0]["loss"]

    def test_stored_embeddings_give_the_best_validation_value(self, graph, tmp_path):
        run = fit(graph, config(), tmp_path / "run")
        history = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
        best = max(history, key=lambda record: record["valid_ndcg@10"])
        assert run.metrics["best_epoch"] == best["epoch"]
        assert run.evaluate(part="valid")["ndcg@10"] == pytest.approx(best["valid_ndcg@10"], abs=1e-6)

    def test_metrics_beside_the_one_that_decides_are_in_the_history(self, graph, tmp_path):
        run = fit(graph, config('training.also_measured=["recall@5", "ndcg@3"]'), tmp_path / "run")
        lines = (run.path / "history.jsonl").read_text().splitlines()
        best = json.loads(lines[run.metrics["best_epoch"]])
        found = run.evaluate(part="valid", ks=[3, 5, 10])
        for name in ("ndcg@10", "recall@5", "ndcg@3"):
            assert best[f"valid_{name}"] == pytest.approx(found[name], abs=1e-6)
        plain = fit(graph, config(), tmp_path / "plain")
        assert weights(plain.path) == weights(run.path)

    def test_bias_starts_from_popularity(self, graph, tmp_path):
        chosen = config('model.item_bias="popularity"', "training.lr=1e-9", "training.epochs=1")
        run = fit(graph, chosen, tmp_path / "run")
        counts = np.bincount(run.split.train.dst, minlength=len(run.item_keys))
        items = np.asarray(run.scorer.item_embeddings)
        assert counts.std() > 0
        assert items[:, -1] == pytest.approx(np.log1p(counts), abs=1e-5)


def test_cold_items_are_not_pushed_down(tmp_path):
    """Artists nobody in training likes, told apart by their features alone (they have no tags either)."""
    graph = community_graph(tmp_path / "g", users=80, artists=60)
    side = np.repeat([[1.0, 0.0], [0.0, 1.0]], 30, axis=0).astype(np.float32)
    noise = np.random.default_rng(0).normal(scale=0.1, size=(60, 2)).astype(np.float32)
    graph.add_modality("artist", "audio", side + noise, keys=graph.keys("artist"))
    chosen = config(
        "split.kind=cold-items", "split.share=0.2", "model.id_tower=false", "model.id_embedding=false",
        "relations.genre_of.use=false", "training.epochs=20", "training.patience=20",
    )  # fmt: skip
    run = fit(graph, chosen, tmp_path / "run")
    cold = np.unique(run.split.test.dst)
    assert not np.isin(cold, run.split.train.dst).any()
    scores = run.scorer.scores(np.arange(80), 0, 60)[:, cold]
    own = (np.arange(80)[:, None] % 2) == (cold[None, :] >= 30)
    assert scores[own].mean() > scores[~own].mean() + 1
    # they are no candidates of training unless that is asked for
    assert trained_items(run.split, "auto").tolist() == np.unique(run.split.train.dst).tolist()
    assert trained_items(run.split, "catalogue") is None


class TestObservers:
    def test_events_come_in_order(self, graph, tmp_path):
        heard = []

        class Listener(TrainingObserver):
            def on_run(self, folder, config):
                heard.append(("run", folder.name, config["training"]["epochs"]))

            def on_start(self, info):
                heard.append(("start", info["first_epoch"]))

            def on_batch(self, done, total, loss):
                heard.append(("batch", done, total))

            def on_epoch(self, record):
                heard.append(("epoch", record["epoch"]))

            def on_end(self, reason):
                heard.append(("end", reason))

            def on_result(self, metrics):
                heard.append(("result", metrics))

        run = fit(graph, config("training.epochs=1"), tmp_path / "run", [Listener()])
        batches = [("batch", k, 3) for k in (1, 2, 3)]
        ended = [("end", "epochs"), ("result", run.metrics["values"])]
        assert heard == [("run", "run", 1), ("start", 0), *batches, ("epoch", 0), *ended]


def test_early_stopping_rule():
    rule = EarlyStopping(patience=2)
    assert [rule.update(value, epoch) for epoch, value in enumerate([0.1, 0.3, 0.3])] == [True, True, False]
    assert not rule.should_stop
    assert not rule.update(0.2, 3)
    assert rule.should_stop
    assert (rule.best, rule.best_epoch) == (0.3, 1)


def test_early_stopping_ends_training(graph, tmp_path):
    run = fit(graph, config("training.epochs=200", "training.patience=2"), tmp_path / "run")
    epochs = len((run.path / "history.jsonl").read_text().splitlines())
    assert epochs == run.metrics["best_epoch"] + 3


def test_config_of_a_run_is_complete(graph, tmp_path):
    run = fit(graph, config("training.epochs=1"), tmp_path / "run")
    assert run.config["training"]["tower_loss"] == 1.0
    written = make_config(run.config)
    assert written.model.modalities == []
    expected = config("training.epochs=1", "model.modalities=[]")
    assert written == expected


def test_relations_used_in_no_direction_are_reported(graph, tmp_path, caplog):
    fit(graph, config("training.epochs=1", "relations.friends.use=false"), tmp_path / "run")
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "does not use: friends (add" in warning.getMessage()


def test_large_catalogue_is_advised_to_sample(graph, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("hetmusic.training.make_batches.FULL_SOFTMAX_ITEMS", 29)
    fit(graph, config("training.epochs=1"), tmp_path / "run")
    assert "30 candidates are many" in caplog.text
    caplog.clear()
    fit(graph, config("training.epochs=1", *LOSSES["sampled_softmax"]), tmp_path / "other")
    assert "candidates are many" not in caplog.text


class TestLargeGraphs:
    SETTINGS = ("training.propagation=sampled", "training.sampled_candidates=6", "training.averaging=0.9")

    def test_batches_made_ahead_change_nothing(self, graph, tmp_path):
        histories = []
        for ahead in (0, 3):
            fit(
                graph,
                config(*self.SETTINGS, "training.epochs=2", f"training.prefetch={ahead}"),
                tmp_path / str(ahead),
            )
            histories.append(losses_of(tmp_path / str(ahead)))
        assert histories[0] == histories[1]

    def test_resuming_is_exact_with_late_averages(self, graph, tmp_path):
        whole = fit(graph, config(*self.SETTINGS, "training.epochs=4"), tmp_path / "whole")
        fit(graph, config(*self.SETTINGS, "training.epochs=2"), tmp_path / "parts")
        parts = resume(tmp_path / "parts", epochs=4)
        assert whole.metrics == parts.metrics
        assert weights(tmp_path / "whole") == weights(tmp_path / "parts")

    def test_validation_of_some_users_is_that_of_the_same_users_always(self, graph, tmp_path):
        chosen = config(*self.SETTINGS, "training.epochs=1", "training.validation_users=5")
        split = make_split(graph, chosen.split)
        users = validation_users(split, chosen)
        assert len(users) == 5
        assert set(users) <= set(split.valid.src)
        assert users.tolist() == validation_users(split, chosen).tolist()
        run = fit(graph, chosen, tmp_path / "run")
        vectors = [np.load(tmp_path / "run" / "embeddings" / f"{side}.npy") for side in ("user", "item")]
        found = evaluate(EmbeddingScorer(*vectors), split, part="valid", users=users)
        assert run.metrics["values"]["ndcg@10"] == pytest.approx(found.values["ndcg@10"])
