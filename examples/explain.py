"""Why a song is recommended, and whether that is true: the named evidence is taken away from somebody who is like the user.

python examples/explain.py                # a made-up world
python examples/explain.py RUN [USER]     # a finished run
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from hetmusic import MusicGraph, Run, fit, load_config
from hetmusic.synth import WorldSettings, make_world, write_dump


def made_up_run(folder: Path) -> Run:
    """Fit a run with a social and an emotion tower on a small made-up world."""
    raw = write_dump(make_world(WorldSettings(users=200, songs=300, artists=40)), folder / "raw")
    graph = MusicGraph.build(raw / "spec.yaml", raw=raw, out=folder / "graph")
    settings = ["training.epochs=20", "model.social_tower=true", "model.emotion=true"]
    return fit(graph, load_config(overrides=settings), folder / "run")


def score_of(run: Run, item: str, liked: list[str]) -> float:
    """The score of an item for somebody who likes these."""
    listed = run.recommend_for(liked, k=run.info.num_items, exclude_seen=False)
    return next(found.score for found in listed if found.item_key == item)


def main() -> None:
    """Print the reasons for a user's first songs, and the score of the first one without the plays that they name."""
    run = (
        Run.open(sys.argv[1])
        if len(sys.argv) > 1
        else made_up_run(Path(tempfile.mkdtemp(prefix="hetmusic-")))
    )
    user = sys.argv[2] if len(sys.argv) > 2 else run.user_keys[0]
    explained = run.explain(user, k=3)
    for found in explained:
        print(f"{found.rank}. {found.name}, score {found.score:.3f}")
        for name, parts in (("towers", found.towers), ("relations", found.relations)):
            terms = " ".join(f"{value:+.3f} {part}" for part, value in parts.contributions.items())
            print(f"   {parts.base:.3f} {terms} = {parts.total:.3f} ({name})")
        for reason in found.reasons:
            print(f"   {reason.effect:+.3f} {reason.text}")

    first = explained[0]
    row = run.user_index[user]
    train = run.split.train
    liked = [run.item_keys[item] for item in train.dst[train.src == row]]
    named = {e.source.key for r in first.reasons for e in r.evidence if e.relation == "liked_by"}
    print(f"\nsomebody new who likes what {user} likes, scored for {first.name}:")
    rng = np.random.default_rng(0)
    others = [rng.choice(liked, len(named), replace=False) for _ in range(20)]
    for what, without in (
        ("all", [[]]),
        ("all but what is named", [named]),
        ("all but as many others", others),
    ):
        scores = [
            score_of(run, first.item_key, [key for key in liked if key not in set(out)]) for out in without
        ]
        print(f"   {what} ({len(liked) - len(without[0])} songs): score {np.mean(scores):.3f}")


if __name__ == "__main__":
    main()
