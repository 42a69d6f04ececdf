"""Where deep mutual learning helps: its forms, on validation, where modalities are whole, missing, noisy or all there is.

    python benchmarks/build_lfm2k.py --hetrec DUMP --lfm2k DUMP --out graphs/lfm2k
    python benchmarks/mutual.py graphs/lfm2k --split DUMP/lfm2k_og_ids.inter --settings benchmarks/settings/p2.toml

Situations (NDCG@10 on the validation part each, the best epoch's):

* whole: the graph as it is,
* half: of every modality, independently, half of the items that have it lose it,
* noisy: the items exchange the vectors of one modality (``--noisy``),
* cold: validation items have no training interaction; ranked among all items.

Forms: without, ``symmetric`` (eq. 6 as written), ``detached`` at a temperature of 2, and ``better`` (only from the tower
with the lower loss) with a warm-up. The test part is not touched.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cold_songs import cold_split, measure, mmgnn

from hetmusic import MusicGraph
from hetmusic.evaluation import evaluate
from hetmusic.experiments.controls import ControlledGraph
from hetmusic.graph.splits import VALID, split_from_file

#: form -> settings
FORMS: dict[str, tuple[str, ...]] = {
    "without": (),
    "symmetric, weight 0.1": ("training.mutual_weight=0.1", "training.mutual_teacher=symmetric"),
    "detached, weight 0.5, temperature 2": (
        "training.mutual_weight=0.5",
        "training.mutual_temperature=2",
    ),
    "better, weight 0.5, temperature 2, warm-up 5": (
        "training.mutual_weight=0.5",
        "training.mutual_temperature=2",
        "training.mutual_teacher=better",
        "training.mutual_warmup=5",
    ),
}


def main() -> None:
    """Print a line of JSON for every form, situation and seed, then the means as a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--noisy", default="audio", metavar="MODALITY")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--situations", default="whole,half,noisy,cold")
    given = parser.parse_args()
    graph = MusicGraph.open(given.graph)
    published = split_from_file(graph, given.split)
    situations = given.situations.split(",")
    found: dict[tuple[str, str], list[float]] = {}
    for seed in map(int, given.seeds.split(",")):
        worlds = {
            "whole": (graph, published),
            "half": (ControlledGraph(graph, ["half-features"], seed), published),
            "noisy": (ControlledGraph(graph, [f"shuffled-{given.noisy}"], seed), published),
            "cold": (graph, cold_split(graph, seed)),
        }
        for form, overrides in FORMS.items():
            for situation in situations:
                world, split = worlds[situation]
                scorer = mmgnn(world, split, [f"seed={seed}", *overrides], given.settings)
                if situation == "cold":
                    value = measure(scorer, split, VALID)["cold, all"]
                else:
                    value = evaluate(scorer, split, part="valid", ks=[10], metrics=["ndcg"])["ndcg@10"]
                print(
                    json.dumps({"form": form, "situation": situation, "seed": seed, "ndcg@10": value}),
                    flush=True,
                )
                found.setdefault((form, situation), []).append(value)
    print("\n| form | " + " | ".join(situations) + " |\n|---" + "|---" * len(situations) + "|")
    for form in FORMS:
        means = [sum(found[form, s]) / len(found[form, s]) for s in situations]
        print(f"| {form} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")


if __name__ == "__main__":
    main()
