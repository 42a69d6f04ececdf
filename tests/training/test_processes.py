"""Two processes that share every step do what one does."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from hetmusic import _torchrun
from hetmusic.errors import ConfigError
from hetmusic.fitting import fit
from hetmusic.graph import MusicGraph
from hetmusic.models.heads import ScoreView
from hetmusic.recommend import Run
from hetmusic.training import load_config
from hetmusic.training import processes as module
from hetmusic.training.batches import Batch
from hetmusic.training.losses import Loss
from hetmusic.training.processes import ALONE, Processes, together
from tests.training.trainers import audible_graph, trainer_of
from tests.training.two_processes import CASES, steps_of
from tests.training.worlds import community_graph

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graphs")
    audible_graph(folder / "audible")
    community_graph(folder / "odd", users=33)  # steps of 16, 16 and 1 users
    return folder


def environment(rank: int, port: int) -> dict[str, str]:
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {
        **os.environ,
        "PYTHONPATH": paths,
        "OMP_NUM_THREADS": "1",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def in_two(arguments: Sequence[str], seconds: int = 120) -> list[tuple[int, str]]:
    """Run ``python`` twice, as torchrun would; exit status and what each said."""
    port = free_port()
    started = [
        subprocess.Popen(
            [sys.executable, *arguments],
            env=environment(rank, port),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        said = [process.communicate(timeout=seconds)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, text) for process, text in zip(started, said, strict=True)]


@pytest.fixture(scope="module")
def found(graphs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, np.ndarray]]:
    """What each of two processes has."""
    out = tmp_path_factory.mktemp("out")
    for status, said in in_two(["-m", "tests.training.two_processes", str(graphs), str(out)]):
        assert status == 0, said
    return [dict(np.load(out / f"{rank}.npz")) for rank in (0, 1)]


@pytest.mark.parametrize("case", CASES)
def test_two_processes_do_what_one_does(
    case: str, graphs: Path, tmp_path: Path, found: list[dict[str, np.ndarray]]
) -> None:
    graph, settings = CASES[case]
    trainer = trainer_of(MusicGraph.open(graphs / graph), tmp_path, *settings)
    alone = steps_of(trainer)
    together = {name.partition("/")[2]: v for name, v in found[0].items() if name.startswith(f"{case}/")}
    assert together.keys() == alone.keys()
    for name, value in alone.items():
        if name.startswith("weights"):
            continue
        np.testing.assert_allclose(together[name], value, atol=2e-6, rtol=2e-4, err_msg=name)
    # Adam divides by the size of a gradient, so where that is rounding alone a weight may go either way
    far = [np.abs(together[name] - v) > 1e-3 for name, v in alone.items() if name.startswith("weights")]
    moved = np.concatenate([part.ravel() for part in far])
    assert moved.mean() < 0.01


def test_both_have_the_same_weights_to_the_last_bit(found: list[dict[str, np.ndarray]]) -> None:
    first, second = found
    names = [name for name in first if "/weights of " in name]
    assert len(names) > 50
    assert all(np.array_equal(first[name], second[name]) for name in names)


def test_gradients_are_summed(found: list[dict[str, np.ndarray]]) -> None:
    for each in found:
        assert np.array_equal(each["summed/both"], np.full((4, 2), 3.0))
        assert np.array_equal(each["summed/one"], np.full((4, 2), 5.0))
        # rows 0, 2, 2 with 1 and rows 2, 3, 3 with 2
        assert np.array_equal(each["summed/rows"][:, 0], [1, 0, 4, 4])
        assert np.array_equal(each["summed/touched"], [0, 2, 3])
        assert np.array_equal(each["summed/rows of one"][:, 0], [0, 0, 0, 1])
        # Adam's first step moves what has a gradient by its rate: of the tables, the touched rows alone
        assert np.allclose(each["summed/rows afterwards"][:, 0], [-0.1, 0, -0.1, -0.1])
        assert np.array_equal(each["summed/none afterwards"], np.zeros((4, 2)))
        assert each["total"] == [3.0]
        assert list(each["from first"]) == [0, 42]


def hetmusic(*arguments: str | Path) -> list[tuple[int, str]]:
    return in_two(["-m", "hetmusic", *map(str, arguments)])


FIT = ("--set", "model.dim=8", "--set", "training.batch_size=16", "--set", "training.device=cpu")


class TestFit:
    def test_a_run_of_two_and_its_resumption_are_those_of_one(self, graphs: Path, tmp_path: Path) -> None:
        """One process trains three epochs; two train two, and a single one goes on with theirs."""
        config = load_config(overrides=[*FIT[1::2], "training.epochs=3"])
        fit(MusicGraph.open(graphs / "audible"), config, tmp_path / "one")
        ends = hetmusic("fit", graphs / "audible", "--out", tmp_path / "two", *FIT, "--epochs", "2")
        assert [status for status, _ in ends] == [0, 0], ends
        # one of them speaks
        assert "epoch 1: loss" in ends[0][1]
        assert "2 processes" in ends[0][1]
        assert ends[1][1] == ""
        ends = hetmusic("fit", "--resume", tmp_path / "two", "--epochs", "3")
        assert [status for status, _ in ends] == [0, 0], ends
        one, two = Run.open(tmp_path / "one"), Run.open(tmp_path / "two")
        assert not list(tmp_path.glob(".*"))
        histories = [(run.path / "history.jsonl").read_text().splitlines() for run in (one, two)]
        assert [len(lines) for lines in histories] == [3, 3]
        losses = [[float(re.search(r'"loss": ([\d.]+)', line)[1]) for line in lines] for lines in histories]  # type: ignore[index]
        assert losses[0] == pytest.approx(losses[1], rel=1e-3)
        # embeddings agree but where Adam amplifies rounding
        difference = np.abs(np.asarray(one.user_embeddings) - np.asarray(two.user_embeddings))
        assert np.median(difference) < 1e-3

    def test_a_failing_process_ends_the_others_with_one_line(self, graphs: Path, tmp_path: Path) -> None:
        """The loss of one is no number; and a folder that is in the way, which only the first looks for."""
        code = (
            "import sys, os, torch\n"
            "from hetmusic.training.trainer import Trainer\n"
            "from hetmusic.errors import UserError\n"
            "def failing(self):\n"
            "    if os.environ['RANK'] == '1':\n"
            "        raise UserError('this one has had enough')\n"
            "    return real(self)\n"
            "real, Trainer._epoch = Trainer._epoch, failing\n"
            "from hetmusic.__main__ import main_of_several\n"
            "main_of_several()\n"
        )
        run = str(tmp_path / "run")
        ends = in_two(["-c", code, "fit", str(graphs / "audible"), "--out", run, *FIT, "--quiet"])
        assert [status for status, _ in ends] == [1, 1]
        said = "".join(text for _, text in ends).splitlines()
        assert said == ["error: process 2 of 2: this one has had enough"]
        Path(run).mkdir(exist_ok=True)
        ends = hetmusic("fit", graphs / "audible", "--out", run, *FIT, "--quiet")
        said = "".join(text for _, text in ends).splitlines()
        assert [status for status, _ in ends] == [1, 1]
        assert len(said) == 1
        assert said[0].startswith(f"error: {run} already exists")

    def test_a_process_that_is_killed_ends_the_others(self, graphs: Path, tmp_path: Path) -> None:
        code = (
            "import sys, os\n"
            "from hetmusic.training.trainer import Trainer\n"
            "def killed(self):\n"
            "    if os.environ['RANK'] == '1':\n"
            "        os.kill(os.getpid(), 9)\n"
            "    return real(self)\n"
            "real, Trainer._epoch = Trainer._epoch, killed\n"
            "from hetmusic.__main__ import main_of_several\n"
            "main_of_several()\n"
        )
        run = str(tmp_path / "run")
        ends = in_two(["-c", code, "fit", str(graphs / "audible"), "--out", run, *FIT, "--quiet"])
        assert [status for status, _ in ends] == [1, -9]
        assert (
            "error: process 1 of 2: another process of this training has ended without a word" in ends[0][1]
        )
        assert "Traceback" not in ends[0][1]

    @pytest.mark.parametrize("rank", [0, 1])
    def test_an_encoder_that_fails_at_once_does_not_cost_the_old_run(
        self, graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int
    ) -> None:
        """In one process alone: its traceback is shown once, and nobody has begun to write."""
        (tmp_path / "own_encoder.py").write_text(
            "import os\n"
            "from hetmusic.relations import RelationEncoder\n"
            "class Failing(RelationEncoder):\n"
            "    def message(self, src, dst, edge):\n"
            f"        return src.h * (1 / (os.environ.get('RANK') != '{rank}'))\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        run = tmp_path / "run"
        old = fit(MusicGraph.open(graphs / "audible"), load_config(overrides=FIT[1::2]), run).path
        before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
        own = ("--set", "relations.liked_by.encoder=own_encoder:Failing")
        ends = hetmusic("fit", graphs / "audible", "--out", run, *FIT, *own, "--overwrite", "--quiet")
        assert [status for status, _ in ends] == [1, 1]
        said = "".join(text for _, text in ends)
        assert said.count("Traceback") == said.count("error: ") == 1
        assert f'{tmp_path}/own_encoder.py", line 5, in message' in said
        assert "relation encoder Failing of artist__liked_by__user (tower ids, layer 1) failed: " in said
        assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before

    def test_what_all_get_wrong_is_said_once(self, graphs: Path, tmp_path: Path) -> None:
        ends = hetmusic("fit", graphs / "audible", "--out", tmp_path / "r", "--set", "training.lrr=1")
        assert [status for status, _ in ends] == [1, 1]
        assert ends[1][1] == ""
        assert ends[0][1].startswith("error: ")
        ends = hetmusic("evaluate", tmp_path / "r")
        assert [status for status, _ in ends] == [2, 2]
        assert "torchrun is for `hetmusic fit`, not for evaluate" in ends[0][1]
        assert ends[1][1] == ""


class TestRefusals:
    @pytest.fixture(autouse=True)
    def _two(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in environment(1, 1).items():
            monkeypatch.setenv(name, value)

    def test_one_gpu_for_two(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ConfigError, match="'cuda:0' is one GPU, but 2 processes train together"):
            Processes(1, 2).device("cuda:0")
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        for name in ("cuda", "auto"):
            with pytest.raises(ConfigError, match="2 processes want a GPU each, but torch sees 1"):
                Processes(1, 2).device(name)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        assert Processes(1, 2).device("cuda") == torch.device("cuda:1")
        assert Processes(1, 2).device("cpu") == torch.device("cpu")

    def test_several_machines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WORLD_SIZE", "4")
        with pytest.raises(ConfigError, match="2 of 4 processes are on this machine"), together("cpu"):
            pass

    def test_losses_that_average_over_their_own_targets(self, graphs: Path, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"cannot be trained by 2 processes.*batch\.total"):
            trainer_of(
                MusicGraph.open(graphs / "audible"),
                tmp_path,
                "training.loss=tests.training.test_processes:OwnMean",
                "training.reconstruction=0",
                processes=_Silent(0, 2),
            )


class OwnMean(Loss):
    """A loss of somebody's own, which knows of its own targets alone."""

    def forward(self, view: ScoreView, batch: Batch) -> torch.Tensor:
        return -(view.users[batch.target_rows] * view.items[batch.target_columns]).sum(dim=1).mean()


class _Silent(Processes):
    def start_alike(self, model: torch.nn.Module) -> None:
        """There is nobody to hear."""


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _torchrun._SET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "7")  # somebody else's variable
    assert _torchrun.num_processes() == 1
    assert _torchrun.rank() == _torchrun.local_rank() == 0
    with together("cpu") as processes:
        assert processes is ALONE is module.ALONE
        assert processes.first
    rng = np.random.default_rng(0)
    assert processes.generator(rng) is rng
    assert list(processes.share(np.arange(3))) == [0, 1, 2]


def test_the_gpu_of_a_process_on_its_own_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert ALONE.device("cuda") == torch.device("cuda:1")
    assert ALONE.device("cuda:0") == torch.device("cuda:0")
    assert ALONE.device("cpu") == torch.device("cpu")


def test_shares_and_draws() -> None:
    rng = np.random.default_rng(3)
    two = [Processes(rank, 2) for rank in (0, 1)]
    assert [list(p.share(np.arange(5))) for p in two] == [[0, 2, 4], [1, 3]]
    own = [p.generator(rng).random() for p in two]
    assert own[0] != own[1]
    assert (
        rng.random() == np.random.default_rng(3).random()
    )  # the common draws are as if nothing had been asked for
