from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hetmusic._io import read_json
from hetmusic.errors import ConfigError, SplitError, UserError
from hetmusic.evaluation import evaluate
from hetmusic.graph.splits import TEST, TRAIN, UNUSED, VALID, Split
from hetmusic.graph.types import Edges
from hetmusic.ranking import EmbeddingScorer
from tests.ranking.helpers import TableScorer

# user 0: trains on item 0, validates on 1, is tested on 2 and 4; user 1: trains on 3, is tested on 0;
# user 2 has no test item; user 3's interaction is not used
ROWS = [
    (0, 0, TRAIN),
    (0, 1, VALID),
    (0, 2, TEST),
    (0, 4, TEST),
    (1, 0, TEST),
    (1, 3, TRAIN),
    (2, 1, VALID),
    (2, 2, TRAIN),
    (3, 5, UNUSED),
]
# descending by item for users 0 and 2, ascending for 1 and 3
SCORER = TableScorer([[6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]])


def make_split(rows: list[tuple[int, int, int]], catalogue: str = "all") -> Split:
    users, items, part = np.array(rows, dtype=np.int32).reshape(-1, 3).T
    return Split(Edges(users, items), part.astype(np.uint8), {}, catalogue)  # type: ignore[arg-type]


SPLIT = make_split(ROWS)


def test_test_part_by_hand() -> None:
    # left to rank: user 0 has 2 3 4 5 (hits at ranks 1 and 3), user 1 has 5 4 2 1 0 (hit at rank 5)
    found = evaluate(SCORER, SPLIT, ks=(1, 3), metrics=("recall", "precision", "mrr", "coverage"))
    assert found.users.tolist() == [0, 1]
    assert found.per_user["recall@3"].tolist() == [1, 0]
    assert found.values == {
        "recall@1": (1 / 2 + 0) / 2,
        "recall@3": (2 / 2 + 0) / 2,
        "precision@1": 1 / 2,
        "precision@3": (2 / 3 + 0) / 2,
        "mrr@1": 1 / 2,
        "mrr@3": 1 / 2,
        "coverage@1": 2 / 6,  # 2, 5
        "coverage@3": 4 / 6,  # 2 3 4, 5 4 2
    }
    assert found["mrr@1"] == 0.5


def test_mask_train_leaves_validation_items_as_distractors() -> None:
    found = evaluate(SCORER, SPLIT, mask="train", ks=(1,), metrics=("recall",))
    assert found.per_user["recall@1"].tolist() == [0, 0]  # user 0 gets item 1, a validation item


def test_mask_none_ranks_everything() -> None:
    found = evaluate(SCORER, SPLIT, mask="none", ks=(5,), metrics=("recall",))
    assert found.per_user["recall@5"].tolist() == [1, 0]
    assert evaluate(SCORER, SPLIT, mask="none", ks=(2,), metrics=("recall",))["recall@2"] == 0


def test_the_validation_part_is_masked_by_training_alone() -> None:
    found = evaluate(SCORER, SPLIT, part="valid", ks=(1, 2), metrics=("hitrate",))
    assert (found.mask, found.users.tolist()) == ("train", [0, 2])
    assert found.per_user["hitrate@1"].tolist() == [1, 0]
    assert found.per_user["hitrate@2"].tolist() == [1, 1]


def test_the_training_part_can_be_looked_at() -> None:
    assert evaluate(SCORER, SPLIT, part="train", ks=(6,), metrics=("recall",))["recall@6"] == 1


def test_an_unused_interaction_is_neither_masked_nor_found() -> None:
    assert 3 not in evaluate(SCORER, SPLIT, ks=(1,)).users
    assert 3 not in evaluate(SCORER, SPLIT, part="train", ks=(1,)).users


def test_a_catalogue_restricts_ranking_and_coverage() -> None:
    split = make_split(ROWS, catalogue="split")  # items 0 to 4; 5 is unused
    found = evaluate(SCORER, split, ks=(1, 4), metrics=("recall", "coverage"))
    assert found.num_items == 5
    assert found.per_user["recall@4"].tolist() == [1, 1]  # without item 5, user 1 has 4 2 1 0
    assert found["coverage@1"] == 2 / 5


def test_chosen_users_in_any_order() -> None:
    assert evaluate(SCORER, SPLIT, users=[1, 2, 1], ks=(5,)).users.tolist() == [1]
    with pytest.raises(SplitError, match="none of the 2 chosen users has test interactions; 2 users do"):
        evaluate(SCORER, SPLIT, users=[2, 3])


def test_cutoffs_beyond_the_catalogue() -> None:
    found = evaluate(SCORER, SPLIT, ks=(100,), metrics=("recall", "precision", "ndcg", "coverage"))
    assert found["recall@100"] == 1
    assert found["precision@100"] == pytest.approx((2 / 100 + 1 / 100) / 2)
    assert 0 < found["ndcg@100"] < 1
    assert found["coverage@100"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "tset"}, r"unknown part 'tset' \(did you mean 'test'\?\)"),
        ({"mask": "trian"}, r"unknown mask 'trian' \(did you mean 'train'\?\)"),
        ({"part": "valid", "mask": "train+valid"}, "hides the very items of part 'valid'; use 'train'"),
        ({"part": "train", "mask": "train"}, "hides the very items of part 'train'; use 'none'"),
        ({"ks": (5, 0)}, "cutoff 0 is not a positive whole number"),
        ({"ks": (5, 5)}, "each once"),
        ({"metrics": ("ndgc",)}, r"did you mean 'ndcg'"),
    ],
)
def test_wrong_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        evaluate(SCORER, SPLIT, **options)


def test_a_part_without_interactions_is_refused() -> None:
    with pytest.raises(SplitError, match="no valid interactions"):
        evaluate(SCORER, make_split([(0, 0, TRAIN), (0, 1, TEST)]), part="valid")


def test_a_split_that_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(SplitError, match="test names item index 6, but the model scores 6 items"):
        evaluate(SCORER, make_split([*ROWS, (0, 6, TEST)]))
    with pytest.raises(SplitError, match="train names user index 4, but the model knows 4 users"):
        evaluate(SCORER, make_split([*ROWS, (4, 0, TRAIN)]))


def random_case(seed: int = 0) -> tuple[EmbeddingScorer, Split]:
    rng = np.random.default_rng(seed)
    pairs = np.unique(rng.integers(0, [60, 300], (2000, 2)), axis=0)
    split = make_split(np.column_stack([pairs, rng.integers(0, 3, len(pairs))]).tolist())
    return EmbeddingScorer(rng.standard_normal((60, 8)), rng.standard_normal((300, 8))), split


def test_the_memory_budget_changes_nothing() -> None:
    scorer, split = random_case()
    whole, tiled = evaluate(scorer, split), evaluate(scorer, split, memory_mb=0.05)
    assert whole.values == tiled.values
    for key, values in whole.per_user.items():
        np.testing.assert_array_equal(values, tiled.per_user[key])


def test_users_one_by_one_are_the_same_as_together() -> None:
    scorer, split = random_case(1)
    together = evaluate(scorer, split, ks=(7,))
    for place, user in enumerate(together.users):
        alone = evaluate(scorer, split, ks=(7,), users=[int(user)])
        assert {key: value[0] for key, value in alone.per_user.items()} == {
            key: value[place] for key, value in together.per_user.items()
        }


def test_an_oracle_is_perfect_and_its_opposite_finds_nothing() -> None:
    _, split = random_case(2)
    table = np.zeros((60, 300))
    table[split.test.src, split.test.dst] = 1
    perfect, worst = (
        evaluate(TableScorer(table), split, ks=(1, 300)),
        evaluate(TableScorer(-table), split, ks=(1,)),
    )
    for key in ("precision@1", "recall@300", "ndcg@1", "ndcg@300", "hitrate@1", "mrr@300", "map@300"):
        assert perfect[key] == pytest.approx(1)
    assert {worst[f"{name}@1"] for name in ("precision", "recall", "ndcg", "hitrate", "mrr", "map")} == {0}


def test_saving(tmp_path: Path) -> None:
    found = evaluate(SCORER, SPLIT, ks=(1, 3))
    found.save(tmp_path, user_keys=["a", "b", "c", "d"])
    stored = read_json(tmp_path / "metrics.json")
    assert stored == found.to_dict()
    assert stored["recall@3"] == 0.5
    assert stored["protocol"] == {"part": "test", "mask": "train+valid", "num_users": 2, "num_items": 6}
    table = pl.read_parquet(tmp_path / "per_user.parquet")
    assert table["user"].to_list() == [0, 1]
    assert table["key"].to_list() == ["a", "b"]
    assert table["recall@3"].to_list() == [1, 0]
    assert not any(name.startswith("coverage") for name in table.columns)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.json", "per_user.parquet"]


def test_saving_where_one_cannot(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        evaluate(SCORER, SPLIT, ks=(1,)).save(tmp_path / "file")
