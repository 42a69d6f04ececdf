"""Mistakes in what is to be tuned, compared or taken apart."""

from __future__ import annotations

import json

from hetmusic.experiments.problems import identify_graph
from hetmusic.graph import MusicGraph
from tests.cli.place import Place, case
from tests.cli.running import hetmusic

TUNE = "tune {graph} --model ease --out {at}/out --trials 2"
COMPARE = "compare {graph} --models ease,popularity --out {at}/out --seeds 1"
ABLATE = "ablate {graph} --without social --out {at}/out --seeds 1"

SPACE = '[l2]\ntype = "float"\nlow = 1.0\nhigh = 9.0\n'


def space(text: str):
    return lambda place: place.write("s.toml", text)


def study(place: Place) -> None:
    """A study of one trial in ``out``."""
    hetmusic(*place.words("tune {graph} --model ease --out {at}/out --trials 1 --quiet")).succeeded()


def folder(**changed: object):
    """The folder of an empty comparison in ``out``, made with the graph unless told otherwise."""

    def make(place: Place) -> None:
        identity = identify_graph(MusicGraph.open(place.graph))
        content = {"format_version": 1, "kind": "comparison", "hetmusic": "0", "graph": identity}
        (place.at / "out").mkdir()
        place.write("out/comparison.json", json.dumps({**content, **changed}))

    return make


def labelled(*labels: int):
    """A published split in which listens have these labels in turn."""

    def make(place: Place) -> None:
        lines = (place.raw / "listens.tsv").read_text().splitlines()[1:]
        pairs = [line.split("\t")[:2] for line in lines]
        rows = [f"{user}\t{song}\t{labels[n % len(labels)]}" for n, (user, song) in enumerate(pairs)]
        place.write("s.inter", "userID\titemID\tx_label\n" + "\n".join(rows) + "\n")

    return make


TUNING = [
    case("no model", "tune {graph} --out {at}/out", "--model"),
    case("unknown model", "tune {graph} --model eese --out {at}/out", "'eese'", "did you mean 'ease'"),
    case(
        "unknown preset", "tune {graph} --model mmgnn:papr --out {at}/out", "'papr'", "did you mean 'paper'"
    ),
    case("no such graph", "tune {at}/nix --model ease --out {at}/out", "{at}/nix"),
    case("nothing to search", "tune {graph} --model popularity --out {at}/out", "'popularity'", "--space"),
    case("everything fixed", TUNE + " --set l2=3", "ease", "nothing to search"),
    case("unknown setting", TUNE + " --set l=3", "'l'", "did you mean 'l2'"),
    case("value out of range", TUNE + " --set memory_mb=-3", "memory_mb = -3"),
    case("trials 0", TUNE + " --trials 0", "--trials"),
    case("minutes negative", TUNE + " --minutes -1", "--minutes"),
    case("unknown metric", TUNE + " --metric ndgc@10", "'ndgc'", "did you mean 'ndcg'"),
    case("metric of no user", TUNE + " --metric coverage@10", "'coverage@10'", "single user"),
    case("unknown split", TUNE + " --split radnom", "'radnom'", "did you mean 'random'"),
    case("unknown setting of a split", TUNE + " --split random,ratio=1", "'ratio'", "did you mean 'ratios'"),
    case(
        "split without validation",
        TUNE + " --split {at}/s.inter",
        "no valid interactions",
        "test",
        prepare=labelled(0, 2),
    ),
    case("no such space", TUNE + " --space {at}/s.toml", "{at}/s.toml"),
    case(
        "space is no TOML", TUNE + " --space {at}/s.toml", "{at}/s.toml", "line 1", prepare=space("l2: 3\n")
    ),
    case(
        "space without settings",
        TUNE + " --space {at}/s.toml",
        "{at}/s.toml",
        "no setting",
        prepare=space(""),
    ),
    case(
        "space with an unknown key",
        TUNE + " --space {at}/s.toml",
        "{at}/s.toml",
        "l2",
        "'hihg'",
        "did you mean 'high'",
        prepare=space(SPACE + "hihg = 3\n"),
    ),
    case(
        "space with an unknown setting",
        TUNE + " --space {at}/s.toml",
        "{at}/s.toml",
        "'l22'",
        "did you mean 'l2'",
        prepare=space(SPACE.replace("l2", "l22")),
    ),
    case(
        "low above high",
        TUNE + " --space {at}/s.toml",
        "{at}/s.toml",
        "low is 10, above high, 9",
        prepare=space(SPACE.replace("1.0", "10.0")),
    ),
    case(
        "value of another type",
        TUNE + " --space {at}/s.toml",
        "{at}/s.toml",
        "l2.low",
        prepare=space(SPACE.replace("1.0", "'one'")),
    ),
    case(
        "values that the model refuses",
        TUNE + " --space {at}/s.toml",
        "{at}/s.toml",
        "l2 = -1",
        prepare=space(SPACE.replace("1.0", "-1.0")),
    ),
    case("modality not in the graph", "tune {graph} --model vbpr --out {at}/out", "vbpr", "has none"),
    case("folder of something else", "tune {graph} --model ease --out {raw}", "{raw}", "no study"),
    case("below a file", "tune {graph} --model ease --out {raw}/users.csv/out", "{raw}/users.csv"),
    case("another model's study", TUNE.replace("ease", "ials"), "{at}/out", "another model", prepare=study),
    case("another seed's study", TUNE + " --seed 1", "{at}/out", "another seed", prepare=study),
    case("another split's study", TUNE + " --split-seed 1", "{at}/out", "another split", prepare=study),
    case(
        "another space's study",
        TUNE + " --space {at}/s.toml",
        "another search space",
        prepare=lambda p: (study(p), p.write("s.toml", SPACE)),
    ),
    case(
        "journal damaged",
        TUNE,
        "trials.jsonl",
        "line 1",
        prepare=lambda p: (study(p), p.write("out/trials.jsonl", "{}\n")),
    ),
    case(
        "newer study",
        TUNE,
        "study.json",
        "99",
        prepare=lambda p: (study(p), p.set_json("out/study.json", format_version=99)),
    ),
]

COMPARING = [
    case("no models", "compare {graph} --out {at}/out", "--models"),
    case("empty name", "compare {graph} --models ease,,ials --out {at}/out", "'ease,,ials'"),
    case(
        "unknown model", "compare {graph} --models ease,mmgn --out {at}/out", "'mmgn'", "did you mean 'mmgnn'"
    ),
    case("model of no module", "compare {graph} --models nix_da:Thing --out {at}/out", "nix_da"),
    case("model that is none", "compare {graph} --models json:JSONDecoder --out {at}/out", "not a model"),
    case("named twice", "compare {graph} --models ease,ease --out {at}/out", "'ease'", "twice"),
    case("unknown reference", COMPARE + " --reference eese", "'eese'", "did you mean 'ease'"),
    case("seeds 0", COMPARE + " --seeds 0", "--seeds"),
    case("metric beyond the lists", COMPARE + " --k 5 --metric ndcg@10", "ndcg@10", "[5]"),
    case("unknown mask", COMPARE + " --mask all", "--mask"),
    case("unknown setting", COMPARE + " --set ease.l=3", "'l'", "did you mean 'l2'"),
    case("setting of no model", COMPARE + " --set l2=3", "'l2'", "ease, popularity"),
    case("settings of no model", COMPARE + " --settings esae=x", "'esae'", "did you mean 'ease'"),
    case("no settings file", COMPARE + " --settings ease={at}/x.toml", "{at}/x.toml"),
    case(
        "unknown setting in a file",
        COMPARE + " --settings ease={at}/x.toml",
        "{at}/x.toml",
        "did you mean 'l2'",
        prepare=lambda p: p.write("x.toml", "l22 = 3\n"),
    ),
    case(
        "modality not in the graph",
        "compare {graph} --models ease,vbpr --set vbpr.modalities=['lyrix'] --out {at}/out",
        "vbpr",
        "'lyrix'",
    ),
    case(
        "split without validation",
        COMPARE + " --split {at}/s.inter",
        "no valid interactions",
        prepare=labelled(0, 2),
    ),
    case(
        "split without test",
        COMPARE + " --split {at}/s.inter",
        "no test interactions",
        prepare=labelled(0, 1),
    ),
    case(
        "split without test, to be tuned first",
        COMPARE + " --split {at}/s.inter --tune-trials 1",
        "no test interactions",
        prepare=labelled(0, 1),
    ),
    case("no studies", COMPARE + " --tuned {raw}", "{raw}", "no study"),
    case(
        "another graph's study",
        COMPARE + " --tuned {at}/out",
        "another graph",
        prepare=lambda p: (study(p), p.set_json("out/study.json", graph={"name": "x", "checksum": "y"})),
    ),
    case(
        "another graph's comparison",
        COMPARE,
        "{at}/out",
        "another graph: other 0123",
        prepare=folder(graph={"name": "other", "checksum": "0123", "features": ""}),
    ),
    case(
        "another graph's comparison, to be tuned first",
        COMPARE + " --tune-trials 1",
        "{at}/out",
        "another graph: other 0123",
        prepare=folder(graph={"name": "other", "checksum": "0123", "features": ""}),
    ),
    case("an ablation", COMPARE, "{at}/out", "another command (ablation)", prepare=folder(kind="ablation")),
    case("newer comparison", COMPARE, "comparison.json", "99", prepare=folder(format_version=99)),
    case(
        "comparison damaged",
        COMPARE,
        "comparison.json",
        prepare=lambda p: (folder()(p), p.cut("out/comparison.json", 9)),
    ),
    case("folder of something else", COMPARE.replace("{at}/out", "{raw}"), "{raw}", "no comparison"),
    case("below a file", COMPARE.replace("{at}/out", "{raw}/users.csv/x"), "{raw}/users.csv"),
]

ABLATING = [
    case("nothing to do", "ablate {graph} --out {at}/out", "--without", "--controls"),
    case("unknown component", ABLATE.replace("social", "scoial"), "'scoial'", "did you mean 'social'"),
    case("unknown control", ABLATE + " --controls shuffled-freinds", "did you mean 'shuffled-friends'"),
    case("modality not in the graph", ABLATE.replace("social", "lyrics"), "'lyrics'", "known: social"),
    case("control of no modality", ABLATE + " --controls shuffled-lyrics", "'shuffled-lyrics'"),
    case("unknown preset", ABLATE + " --preset papr", "'papr'", "did you mean 'paper'"),
    case("unknown setting", ABLATE + " --set training.lrr=1", "--set training.lrr=1", "did you mean 'lr'"),
    case("what the experiment decides", ABLATE + " --set split.kind=time", "'split'", "experiment"),
    case("no settings file", ABLATE + " --settings {at}/x.toml", "{at}/x.toml"),
    case(
        "a comparison", ABLATE, "{at}/out", "another command (comparison)", prepare=folder(kind="comparison")
    ),
]
