"""Whatever is wrong with a run folder, the error is a RunError in one line that names the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import RunError
from hetmusic.recommend import Run
from hetmusic.recommend.writer import save_embeddings
from hetmusic.run_layout import RunInfo


def use_everything(folder: Path) -> None:
    """Read every file of a run."""
    run = Run.open(folder)
    _ = run.config, run.metrics, run.recommend("u0"), run.evaluate()


FILES = [
    "run.json",
    "config.toml",
    "metrics.json",
    "ids/user.parquet",
    "ids/item.parquet",
    "embeddings/user.npy",
    "embeddings/item.npy",
    "split/split.parquet",
    "split/split.json",
]


def refused(folder: Path, name: str, message: str = "") -> None:
    with pytest.raises(RunError) as caught:
        use_everything(folder)
    text = str(caught.value)
    assert Path(name).name in text
    assert message in text
    assert "\n" not in text


def test_the_undamaged_run_is_read(run_folder: Path) -> None:
    use_everything(run_folder)


def test_every_file_that_a_run_needs_is_in_the_list(run_folder: Path) -> None:
    found = {str(path.relative_to(run_folder)) for path in run_folder.rglob("*") if path.is_file()}
    assert found - {"per_user.parquet"} == set(FILES)


@pytest.mark.parametrize("name", FILES)
class TestEveryFile:
    def test_missing(self, run_folder: Path, name: str) -> None:
        (run_folder / name).unlink()
        refused(run_folder, name, "missing")

    def test_empty(self, run_folder: Path, name: str) -> None:
        (run_folder / name).write_bytes(b"")
        if name == "config.toml":
            use_everything(run_folder)  # an empty TOML file is an empty table
        else:
            refused(run_folder, name)

    def test_garbage(self, run_folder: Path, name: str) -> None:
        (run_folder / name).write_bytes(b"\x93\xff\x00garbage" * 40)
        refused(run_folder, name)

    def test_truncated(self, run_folder: Path, name: str) -> None:
        content = (run_folder / name).read_bytes()
        # the last line of the TOML file has to be cut within
        (run_folder / name).write_bytes(
            content[: len(content) - 7 if name.endswith("toml") else len(content) // 2]
        )
        refused(run_folder, name)

    def test_a_folder_in_its_place(self, run_folder: Path, name: str) -> None:
        (run_folder / name).unlink()
        (run_folder / name).mkdir()
        refused(run_folder, name)


def change_json(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format_version": 2}, "newer hetmusic (run format 2; this one reads up to 1)"),
        ({"format_version": "1"}, "format_version"),
        ({"status": "done"}, "field status"),
        ({"num_users": 0}, "field num_users"),
        ({"num_user": 3}, "field num_user: Extra inputs are not permitted (did you mean 'num_users'?)"),
        ({"graph": {"path": "x"}}, "field graph.checksum"),
    ],
)
def test_wrong_fields(run_folder: Path, fields: dict[str, Any], message: str) -> None:
    change_json(run_folder / "run.json", **fields)
    refused(run_folder, "run.json", message)


@pytest.mark.parametrize("status", ["running", "interrupted"])
def test_unfinished(run_folder: Path, status: Any) -> None:
    RunInfo.load(run_folder).with_status(status).save(run_folder)
    with pytest.raises(RunError, match=f"not finished .it is {status}.*hetmusic fit --resume"):
        Run.open(run_folder)


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing is not a run: no such folder"):
        Run.open(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"run\.json is missing"):
        Run.open(tmp_path)


@pytest.mark.parametrize("field", ["num_users", "num_items"])
def test_counts_that_disagree(run_folder: Path, field: str) -> None:
    change_json(run_folder / "run.json", **{field: 7})
    refused(run_folder, "user.npy" if field == "num_users" else "item.npy", "rows, but run.json says 7")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 2), np.float32), "has 2 columns, but embeddings/item.npy has 3"),
        (np.zeros((3, 3), np.float64), "float64 of shape (3, 3), not float32"),
        (np.zeros(3, np.float32), "float32 of shape (3,)"),
        (np.zeros((4, 3), np.float32), "has 4 rows, but run.json says 3"),
        (np.array([[{}] * 3] * 3), ""),
    ],
)
def test_wrong_embeddings(run_folder: Path, values: np.ndarray, message: str) -> None:
    np.save(run_folder / "embeddings" / "user.npy", values, allow_pickle=True)
    refused(run_folder, "user.npy", message)


@pytest.mark.parametrize("use", [lambda run: run.recommend("u0"), lambda run: run.evaluate()])
def test_vectors_that_are_not_numbers(run_folder: Path, use: Callable[[Run], Any]) -> None:
    values = np.load(run_folder / "embeddings" / "item.npy")
    values[2] = np.nan
    np.save(run_folder / "embeddings" / "item.npy", values)
    with pytest.raises(
        RunError, match=r"embeddings is damaged: .* not finite; first: nan for user index 0, item index 2"
    ):
        use(Run.open(run_folder))
    with pytest.raises(
        RunError, match=r"1 of 6 vectors for embeddings/item\.npy are not finite; first: row 2"
    ):
        save_embeddings(run_folder, np.zeros((3, 3)), values)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["u0", "u1"], "has 2 rows, but run.json says 3"),
        (["u0", "u1", "u1"], "does not hold 3 distinct texts"),
        (["u0", "u1", None], "does not hold 3 distinct texts"),
        ([0, 1, 2], "does not hold 3 distinct texts"),
    ],
)
def test_wrong_ids(run_folder: Path, keys: list[Any], message: str) -> None:
    pl.DataFrame({"key": keys, "name": keys}).write_parquet(run_folder / "ids" / "user.parquet")
    refused(run_folder, "user.parquet", message)


def test_a_column_missing(run_folder: Path) -> None:
    pl.DataFrame({"id": ["u0", "u1", "u2"]}).write_parquet(run_folder / "ids" / "user.parquet")
    refused(run_folder, "user.parquet", "has no column 'key'; its columns are id")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("user", 3, "column 'user' has values 0 to 3, not all below 3"),
        ("item", -1, "column 'item' has values -1 to 5"),
        ("part", 5, "column 'part' has values 0 to 5"),
        ("item", None, "column 'item' does not hold whole numbers"),
        ("item", 4, "does not hold the pairs and parts that split.json says"),
        ("part", 1, "does not hold the pairs and parts that split.json says"),
    ],
)
def test_wrong_split(run_folder: Path, column: str, value: int | None, message: str) -> None:
    path = run_folder / "split" / "split.parquet"
    table = pl.read_parquet(path).with_columns(pl.col(column).cast(pl.Int64))
    values = table[column].to_list()
    values[-2] = value
    table.with_columns(pl.Series(column, values)).write_parquet(path)
    refused(run_folder, "split.parquet", message)


@pytest.mark.parametrize(
    ("field", "value"), [("format_version", 2), ("catalogue", "some"), ("counts", None), ("colour", "red")]
)
def test_wrong_split_description(run_folder: Path, field: str, value: Any) -> None:
    change_json(run_folder / "split" / "split.json", **{field: value})
    refused(run_folder, "split.json", field)
