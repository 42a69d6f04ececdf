"""From a raw dump to recommendations.

python examples/quickstart.py                                       # a made-up world, under a minute
python examples/quickstart.py hetrec-lastfm hetrec2011-lastfm-2k    # a public dump, or the YAML of your own tables
"""

import sys
import tempfile

from hetmusic import MusicGraph, fit, load_config
from hetmusic.synth import WorldSettings, make_world, write_dump

folder = tempfile.mkdtemp(prefix="hetmusic-")
if len(sys.argv) == 3:
    dump, raw = sys.argv[1:]
else:
    raw = write_dump(make_world(WorldSettings(users=200, songs=300, artists=40)), f"{folder}/raw")
    dump = raw / "spec.yaml"

graph = MusicGraph.build(dump, raw=raw, out=f"{folder}/graph")
run = fit(graph, load_config(overrides=["training.epochs=20"]), out=f"{folder}/run")
found = run.evaluate(ks=[10])
print(f"NDCG@10 {found['ndcg@10']:.4f}, recall@10 {found['recall@10']:.4f} on the test part")
for item in run.recommend(run.user_keys[0], k=5):
    print(item.rank, item.name, round(item.score, 2))
print(f"graph and run are in {folder}")
