"""Every file in examples/ runs on its own and says what it should."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sklearn

from hetmusic.graph import MusicGraph
from hetmusic.recommend import Run
from hetmusic.synth import WorldSettings, make_world, write_dump
from tests.graph.music_files import write_music

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
LASTFM_1K = Path(os.environ.get("HETMUSIC_DATA", EXAMPLES.parents[1] / "shared" / "data")) / "lastfm-1k"
SMALL = WorldSettings(users=60, songs=120, artists=20, listens_per_user=12)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Runs an example elsewhere than in the repository; its output. What it writes goes under ``tmp_path``."""

    def go(name: str, *arguments: str | Path, fails: bool = False) -> str:
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, *map(str, arguments)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(EXAMPLES.parent),
                "TMPDIR": str(tmp_path),
                "OMP_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stderr if fails else done.stdout

    return go


def values(text: str, metric: str) -> list[float]:
    """Every value of a metric that the output names."""
    return [float(value) for value in re.findall(rf"{re.escape(metric)} (\d\.\d+)", text)]


def check_quickstart(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("quickstart.py")
    (ndcg,) = values(out, "NDCG@10")
    assert ndcg > 0.25  # popularity reaches 0.08, the planted tastes themselves 0.57
    assert re.findall(r"^(\d) \w+.* -?\d+\.\d+$", out, re.MULTILINE) == list("12345")
    _, _, folder = out.strip().rpartition("are in ")
    opened = Run.open(Path(folder) / "run")
    assert opened.recommend(opened.user_keys[0], k=5)[0].name in out
    assert opened.evaluate(ks=[10])["ndcg@10"] == pytest.approx(ndcg, abs=5e-5)

    raw = write_dump(make_world(SMALL, seed=3), tmp_path / "raw")
    own = run("quickstart.py", raw / "spec.yaml", raw)
    graph = MusicGraph.open(Path(own.strip().rpartition("are in ")[2]) / "graph")
    assert graph.num_nodes("user") == SMALL.users


def check_custom_encoder(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("custom_encoder.py")
    mean, recency = values(out, "NDCG@10")
    assert mean > recency > 0.15  # tastes in that world never change, so forgetting does not pay
    config = Run.open(Path(out.strip().rpartition("runs are in ")[2]) / "recency").config
    assert config["relations"]["liked_by"] == {
        "encoder": "custom_encoder:Recency",
        "half_life": 180.0,
        "share": "none",
        "use": True,
    }

    raw = write_dump(make_world(SMALL, seed=3), tmp_path / "raw")
    MusicGraph.build(raw / "spec.yaml", raw=raw, out=tmp_path / "graph")
    assert len(values(run("custom_encoder.py", tmp_path / "graph"), "NDCG@10")) == 2


def cosines(text: str) -> list[float]:
    """The mean cosine of covers of one artist, then that of others."""
    return [float(value) for value in re.findall(r"artists?: (?:mean cosine )?(\d\.\d+)", text)]


def check_custom_extractor(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("custom_extractor.py")
    assert re.match(r"(\d+) of 120 songs have a cover\nabsent: (\d+) \(none given\)\n", out)
    same, different = cosines(out)
    assert 1 > same > different + 0.15  # songs of one artist show similar styles, and so do their covers
    assert_trained()


def assert_trained() -> None:
    """The example's network is the one that the weights were made for: it knows a temple and a flower.

    The two photographs come with scikit-learn; of ImageNet's classes, 698 is a palace and 985 a daisy.
    """
    spec = importlib.util.spec_from_file_location("custom_extractor", EXAMPLES / "custom_extractor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    extractor = module.EfficientNetLite()
    extractor.load("cpu")
    folder = Path(sklearn.__file__).parent / "datasets" / "images"
    vectors = extractor.extract([extractor.prepare(folder / name) for name in ("china.jpg", "flower.jpg")])
    assert vectors.shape == (2, 1280)
    weight, bias = (extractor.weights[f"_fc.{part}"].numpy() for part in ("weight", "bias"))
    assert (vectors @ weight.T + bias).argmax(axis=1).tolist() == [698, 985]


def check_decay_on_lastfm(run: Callable[..., str], tmp_path: Path) -> None:
    if not LASTFM_1K.is_dir():
        pytest.skip(f"the Last.fm 1K log is not at {LASTFM_1K}")
    out = run("decay_on_lastfm.py", LASTFM_1K)
    assert out.startswith("2 people heard ")
    assert "too few people to conclude anything" in out
    assert len(values(out, "NDCG@10")) == 3
    config = Run.open(Path(out.strip().rpartition("runs are in ")[2]) / "a week").config
    assert config["relations"]["liked_by"]["encoder"] == "listening_encoders:Decay"


def check_music_folder(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("music_folder.py")
    assert "20 artist, 120 song, 60 user" in out
    assert re.findall(r"^(\w+): (\d+) of 120 songs", out, re.MULTILINE) == [
        ("audio", "90"), ("lyrics", "90"), ("cover", "119"),
    ]  # fmt: skip
    folder = Path(out.strip().rpartition("are in ")[2])
    items = re.findall(r"^\d (.*\.flac) -?\d", out, re.MULTILINE)
    assert len(items) == 5
    assert all((folder / "music" / item).is_file() for item in items)

    write_music(tmp_path / "own" / "Anna" / "First" / "01.flac", title="One", artist="Anna", album="First")
    failed = run("music_folder.py", tmp_path / "own", fails=True)
    assert "listens.csv" in failed


def check_steer_by_mood(run: Callable[..., str], tmp_path: Path) -> None:
    rows = [line.split()[:5] for line in run("steer_by_mood.py").splitlines()[1:]]
    lists = {(mood, strength): (float(v), float(a), float(t)) for mood, strength, v, a, t in rows}
    arousal = [lists[key][1] for key in [("-", "0.0"), ("calm", "0.5"), ("calm", "1.0"), ("calm", "2.0")]]
    assert arousal == sorted(arousal, reverse=True)
    assert arousal[0] > arousal[-1] + 0.3
    assert lists["happy", "1.0"][0] > lists["-", "0.0"][0] > lists["sad", "1.0"][0]
    assert lists["-", "0.0"][2] == max(taste for _, _, taste in lists.values())


def check_explain(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("explain.py")
    sums = re.findall(r"^   (-?\d\.\d+) (.*) = (\d\.\d+) \((towers|relations)\)$", out, re.MULTILINE)
    assert [way for *_, way in sums] == ["towers", "relations"] * 3
    for base, terms, total, _ in sums:
        added = sum(float(term) for term in re.findall(r"[+-]\d\.\d+", terms))
        assert float(base) + added == pytest.approx(float(total), abs=5e-3)
    assert re.search(r"^   \+\d\.\d+ same artist as .*, which you play", out, re.MULTILINE)
    whole, named, others = map(float, re.findall(r"songs\): score (\d\.\d+)$", out, re.MULTILINE))
    assert whole - named > 2 * (whole - others)


def check_compare_encoders(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("compare_encoders.py")
    mean, decay = values(out, "NDCG@10")
    assert mean > decay > 0.2  # tastes in that world never change
    assert re.search(r"^mean .* best on validation$", out, re.MULTILINE)
    assert 0 < float(re.search(r"^time-decay .* p = (\d\.\d+)", out, re.MULTILINE)[1]) < 1
    assert (Path(out.strip().rpartition("are in ")[2]) / "results.json").is_file()


def check_walk_graph(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("walk_graph.py")
    listeners = int(re.search(r"liked_by +(\d+) users", out)[1])
    assert f"{listeners} listeners again" in out
    assert f"of {listeners} listeners" in out
    before, after = re.search(r"user likes song +([\d,]+) edges, in training +([\d,]+)", out).groups()
    assert int(after.replace(",", "")) / int(before.replace(",", "")) == pytest.approx(0.84, abs=0.05)
    assert "user friends user             " not in out.partition("again")[2], "friends are not held out"
    assert "errors: 0 warnings: 1" in out


def check_fit_and_report(run: Callable[..., str], tmp_path: Path) -> None:
    out = run("fit_and_report.py")
    page = Path(re.search(r"open (.*report\.html)", out)[1])
    text = page.read_text(encoding="utf-8")
    (ndcg,) = values(out, "NDCG@10")
    assert f"{ndcg:.4f}" in text, "the page tells the same as the evaluation"
    assert all(f'id="{name}"' in text for name in ("summary", "data", "figure-training", "search"))
    assert page.stat().st_size < 8e6


CHECKS = {
    "fit_and_report.py": check_fit_and_report,
    "compare_encoders.py": check_compare_encoders,
    "explain.py": check_explain,
    "music_folder.py": check_music_folder,
    "steer_by_mood.py": check_steer_by_mood,
    "walk_graph.py": check_walk_graph,
    "quickstart.py": check_quickstart,
    "decay_on_lastfm.py": check_decay_on_lastfm,
    "custom_encoder.py": check_custom_encoder,
    "custom_extractor.py": check_custom_extractor,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
def test_example(name, run, tmp_path):
    CHECKS[name](run, tmp_path)


@pytest.mark.slow
def test_custom_extractor_on_real_covers(run, tmp_path, shared_data):
    raw = shared_data / "ultrastar"
    MusicGraph.build("ultrastar", raw=raw, out=tmp_path / "graph")
    out = run("custom_extractor.py", tmp_path / "graph", raw)
    assert out.startswith("10 of 10 songs have a cover\n")
    same, different = cosines(out)
    # 7 pairs, one of them of the same picture, against 38
    assert same == pytest.approx(0.524, abs=0.01)
    assert different == pytest.approx(0.332, abs=0.01)


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(CHECKS)


def test_quickstart_is_quick_to_read():
    code = (EXAMPLES / "quickstart.py").read_text(encoding="utf-8").split('"""')[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
