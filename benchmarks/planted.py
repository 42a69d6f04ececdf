"""Every component where its signal is the answer: worlds larger than those of tests/proofs.

    python benchmarks/planted.py --out FOLDER

Per world and model: recall@10 and NDCG@10 on the test part, averaged over seeds, beside the best ranking and chance.
Writes ``planted.json`` and ``planted.md`` into the folder and prints the table.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hetmusic.synth.planted import DESIGNS, PlantedWorld, make_planted
from hetmusic.synth.planted.proof import build_planted, measure

METRICS = ("recall@10", "ndcg@10")
NO_KG = ("relations.sings.use=false", "relations.contains.use=false")
NO_FRIENDS = ("relations.friends.use=false",)
MUTUAL = ("training.mutual_weight=0.5",)
Settings = tuple[str, ...]

#: world -> further light features to extract for a look at what they do
EXTRA = {"only-audio": ("lyrics",)}
#: world -> model -> settings on top of the full model's
MORE: Mapping[str, Mapping[str, Settings]] = {
    "only-friends": {"+ social tower": ("model.social_tower=true",), "no artists (silent)": NO_KG},
    "only-audio": {
        "+ lyrics (silent)": ('model.modalities=["audio","lyrics"]',),
        "+ ids (of cold songs untrained)": ("model.id_tower=true", "model.id_embedding=true"),
        "no friends (silent)": NO_FRIENDS,
        "no artists (silent)": NO_KG,
    },
    "only-co-listening": {
        "no friends (silent)": NO_FRIENDS,
        "no artists (silent)": NO_KG,
        "no lyrics (silent)": ("model.modalities=[]",),
    },
    "noisy-modality": {"lyrics alone": ('model.modalities=["lyrics"]',), "+ mutual learning": MUTUAL},
    "missing-modality": {"lyrics alone": ('model.modalities=["lyrics"]',), "+ mutual learning": MUTUAL},
}


def models_of(planted: PlantedWorld) -> dict[str, Settings]:
    """The settings of every model that is tried in a world, by its name in the table."""
    design = planted.design
    full = design.full
    if design.name in EXTRA:
        full = (*full, f"model.modalities={json.dumps(list(design.modalities))}")
    more = {name: (*full, *settings) for name, settings in MORE.get(design.name, {}).items()}
    return {"full": full, "without": design.without, **more}


def larger(name: str, scale: float) -> dict[str, int]:
    """Sizes of a world, multiplied: users by ``scale``, songs and artists by its root."""
    small = DESIGNS[name].world_settings({})
    return {
        "users": round(small.users * scale),
        "songs": round(small.songs * scale**0.5),
        "artists": round(small.artists * scale**0.5),
    }


def run_world(name: str, seed: int, scale: float, settings: Sequence[str]) -> dict[str, dict[str, float]]:
    """Metrics by model, of the best ranking and of chance, in one planted world."""
    planted = make_planted(name, seed, larger(name, scale))
    found = {"best ranking": planted.evaluate(planted.oracle()).values, "chance": planted.chance()}
    with tempfile.TemporaryDirectory() as folder:
        graph = build_planted(planted, Path(folder), EXTRA.get(name, ()))
        for number, (model, own) in enumerate(models_of(planted).items()):
            out = Path(folder) / f"run{number}"
            found[model] = measure(planted, graph, out, [*settings, f"seed={seed}", *own]).values
    return found


def table(results: Mapping[str, Sequence[Mapping[str, Mapping[str, float]]]]) -> str:
    """Markdown: means over seeds, and recall as a share of the best ranking's."""
    lines = [f"| world | model | {' | '.join(METRICS)} | share of the best recall |", "|---|---|---|---|---|"]
    for world, seeds in results.items():
        for model in seeds[0]:
            mean = {metric: np.mean([found[model][metric] for found in seeds]) for metric in METRICS}
            best = np.mean([found["best ranking"][METRICS[0]] for found in seeds])
            cells = " | ".join(f"{mean[metric]:.3f}" for metric in METRICS)
            lines.append(f"| `{world}` | {model} | {cells} | {mean[METRICS[0]] / best:.0%} |")
    return "\n".join(lines)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for planted.json and planted.md")
    parser.add_argument("--worlds", default=",".join(DESIGNS))
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--scale", type=float, default=3.0, help="users against those of the small worlds")
    parser.add_argument("--set", action="append", default=[], help="configuration of hetmusic, KEY=VALUE")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # every run would say which relations it was told not to use
    settings = ["model.dim=64", "training.epochs=20", "training.batch_size=128", *arguments.set]
    results: dict[str, list[dict[str, dict[str, float]]]] = {}
    for world in arguments.worlds.split(","):
        for seed in (int(seed) for seed in arguments.seeds.split(",")):
            started = time.perf_counter()
            results.setdefault(world, []).append(run_world(world, seed, arguments.scale, settings))
            print(f"{world}, seed {seed}: {time.perf_counter() - started:.0f} s", flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "planted.json").write_text(json.dumps(results, indent=2) + "\n")
    (arguments.out / "planted.md").write_text(table(results) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
