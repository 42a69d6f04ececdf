"""Emotion added to graphs: attributes, edges, modality, from every source and from several."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hetmusic.errors import FeatureError
from hetmusic.experiments.controls import ControlledGraph
from hetmusic.features.emotion.add import add_emotion
from hetmusic.features.emotion.descriptors import DESCRIPTORS
from hetmusic.features.emotion.lexicon import EmotionLexicon
from hetmusic.features.emotion.regressors import Function, Scaler
from hetmusic.features.emotion.sound_model import SoundEmotionModel
from hetmusic.features.emotion.weights import DEFAULT_WEIGHTS, parse_weights
from hetmusic.features.extraction.report import reports
from hetmusic.features.extraction.run import default_cache
from hetmusic.graph import GraphWriter, MusicGraph, Split, TrainingView
from hetmusic.graph.emotions import ESTIMATE_COLUMNS, emotion_vocabulary, item_emotions
from hetmusic.graph.leakage import check_leakage
from hetmusic.graph.splits import TEST, TRAIN
from hetmusic.graph.validation import validate_graph
from tests.cli.running import hetmusic
from tests.features.emotion.sounds import sine, write_wav
from tests.graphs import EVOKES, LIKES

SUNNY = EmotionLexicon({("sun",): (0.8, 0.4), ("rain",): (-0.6, -0.6)}, {"lexicon": "two words"})
#: 20 words of a lexicon are half of all confidence
SONGS = {"a0": "sun " * 20, "a1": "rain " * 20, "a2": None, "a3": "sun rain " * 10}


def write(
    folder: Path,
    *,
    lyrics: dict[str, str | None] | None = SONGS,
    audio: dict[str, str] | None = None,
    words: tuple[tuple[int, int, float], ...] = (),
    tags: tuple[tuple[int, int, int], ...] = (),
    **attributes: list[float | None] | list[str | None],
) -> MusicGraph:
    """Two users who like all of four artists (the songs here); emotion words are calm and anger."""
    keys = [f"a{n}" for n in range(4)]
    artists = pl.DataFrame({"key": keys, **attributes})
    for name, texts in (("lyrics", lyrics), ("audio", audio)):
        if texts is not None:
            artists = artists.with_columns(pl.Series(name, [texts.get(key) for key in keys], pl.String))
    with GraphWriter(folder) as writer:
        writer.nodes("user", pl.DataFrame({"key": ["u0", "u1"]}))
        writer.nodes("artist", artists)
        writer.edges(LIKES, pl.DataFrame({"src": [0] * 4 + [1] * 4, "dst": [0, 1, 2, 3] * 2}))
        if words or tags:
            writer.nodes("emotion", pl.DataFrame({"key": ["calm", "anger"]}))
        if words:
            writer.edges(EVOKES, pl.DataFrame(list(words), ["src", "dst", "weight"], orient="row"))
        if tags:
            rows = [(user, item, "emotion", tag) for user, item, tag in tags]
            writer.assignments(pl.DataFrame(rows, ["user", "item", "kind", "tag"], orient="row"))
        writer.finish(name="tiny", item="artist", interaction="likes")
    return MusicGraph.open(folder)


def place(word: str) -> tuple[float, float]:
    emotion = emotion_vocabulary()[word]
    return emotion.valence, emotion.arousal


def constant_model(valence: float, arousal: float, ccc: float) -> SoundEmotionModel:
    width = len(DESCRIPTORS)
    scaler = Scaler(np.zeros(width), np.ones(width), np.full(width, 1e9))
    functions = tuple(Function(value, np.zeros(width)) for value in (valence, arousal))
    return SoundEmotionModel(scaler, functions, {"valence": ccc, "arousal": ccc}, {"songs": 9})


def table(graph: MusicGraph) -> pl.DataFrame:
    return graph.nodes("artist").select("valence", "arousal", "emotion_confidence")


def view(graph: MusicGraph, held: tuple[int, ...] = ()) -> TrainingView:
    parts = np.full(8, TRAIN, np.uint8)
    parts[list(held)] = TEST
    return TrainingView(graph, Split(graph.interactions, parts, {"strategy": "by hand"}))


def test_lyrics_become_attributes_edges_and_a_modality(tmp_path):
    graph = write(tmp_path / "g")
    report = add_emotion(graph, lexicon=SUNNY, vader=False)
    assert report.sources == {"lyrics": 3}
    assert (report.valence, report.both) == (3, 3)
    found = table(graph)
    assert np.allclose(found["valence"].to_numpy()[[0, 1, 3]], [0.8, -0.6, 0.1])
    assert np.allclose(found["arousal"].to_numpy()[[0, 1, 3]], [0.4, -0.6, -0.1])
    assert np.allclose(found["emotion_confidence"].to_numpy()[[0, 1, 3]], 0.5)
    assert found.row(2) == (None, None, None)
    modality = graph.modality("artist", "emotion")
    assert modality.info["columns"] == list(ESTIMATE_COLUMNS)
    assert modality.present.tolist() == [True, True, False, True]
    assert np.allclose(modality.values[0], [0.8, 0.4, 0.5, 0.5])
    edges = graph.edges("evokes")
    assert np.allclose(np.bincount(edges.src, edges.weight, minlength=4), [0.5, 0.5, 0, 0.5], atol=0.01)
    names = graph.nodes("emotion")["key"].to_list()
    nearest = [names[word] for word in edges.dst[edges.src == 0]]
    distance = {n: np.hypot(place(n)[0] - 0.8, place(n)[1] - 0.4) for n in emotion_vocabulary().emotions}
    assert set(nearest) == set(sorted(distance, key=lambda n: (distance[n], n))[:3])
    assert validate_graph(graph.path).errors == []


def test_vader_alone_knows_valence_and_no_words_follow(tmp_path):
    lyrics = {
        "a0": "I love you, you make me so happy\nthis is a wonderful day",
        "a1": "I hate you\nthis is terrible",
    }
    graph = write(tmp_path / "g", lyrics=lyrics)
    report = add_emotion(graph)
    assert (report.valence, report.both, report.edges) == (2, 0, 0)
    found = table(graph)
    assert found["valence"][0] > 0 > found["valence"][1]
    assert found["arousal"].null_count() == 4
    assert "emotion" not in graph.node_types
    # the model takes the unknown axis as the middle
    emotions = item_emotions(view(graph))
    assert emotions.known.tolist() == [True, True, False, False]
    assert emotions.points[:, 1].tolist() == [0, 0, 0, 0]


def test_sound_and_lyrics_together_by_hand(tmp_path):
    write_wav(tmp_path / "raw" / "a0.wav", sine(440, 0.5))
    write_wav(tmp_path / "raw" / "a2.wav", 0 * sine(440, 0.5))
    graph = write(tmp_path / "g", audio={"a0": "a0.wav", "a2": "a2.wav", "a3": "../a0.wav"})
    report = add_emotion(
        graph,
        tmp_path / "raw",
        lexicon=SUNNY,
        vader=False,
        model=constant_model(0.2, -0.4, 0.8),
        weights={"sound": 3.0},
    )
    assert report.sources == {"lyrics": 3, "sound": 1}
    assert report.silent == {"silent": 1, "outside the raw folder": 1, "none given": 1}
    valence, arousal, confidence = table(graph).row(0)
    # q = 1 · 0.5 and 3 · 0.8
    assert valence == pytest.approx((0.5 * 0.8 + 2.4 * 0.2) / 2.9)
    assert arousal == pytest.approx((0.5 * 0.4 - 2.4 * 0.4) / 2.9)
    spread = np.sqrt(0.5 * 2.4) / 2.9  # standard deviation of two points at distance 1
    assert confidence == pytest.approx(2.9 / 4 * (1 - spread * (0.6 + 0.8) / 2))
    assert graph.meta.additions["emotion"].settings["sources"] == ["lyrics", "sound"]


def test_the_report_says_why_songs_have_no_emotion(tmp_path):
    (tmp_path / "raw").mkdir()
    write_wav(tmp_path / "raw" / "silent.wav", 0 * sine(440, 0.5))
    lyrics = {"a0": SONGS["a0"], "a1": "hm", "a2": "hm"}
    graph = write(tmp_path / "g", lyrics=lyrics, audio={"a2": "silent.wav"})
    add_emotion(graph, tmp_path / "raw", lexicon=SUNNY, vader=False, model=constant_model(0, 0, 1))
    (found,) = reports(graph, default_cache(graph), modality="emotion")
    assert found.coverage.present == 1
    assert found.coverage.reasons == {
        "lyrics that say nothing": 1, "lyrics that say nothing, sound: silent": 1, "none given": 1,
    }  # fmt: skip
    assert found.failures["key"].to_list() == ["a1", "a2"]


def test_the_command(tmp_path):
    graph = write(tmp_path / "g", lyrics=None, words_sung=list(SONGS.values()))
    (tmp_path / "lexicon.tsv").write_text("word\tvalence\tarousal\nsun\t0.8\t0.4\nrain\t-0.6\t-0.6\n")
    call = ["features", "extract", graph.path, "--emotion", "--lexicon", tmp_path / "lexicon.tsv", "--quiet"]
    assert "nothing to estimate emotions from" in hetmusic(*call).error
    call += ["--emotion-from", "lyrics=words_sung", "--emotion-weights", "lyrics=3"]
    done = hetmusic(*call).succeeded()
    assert "emotion: 3 of 4 items have a valence, 3 an arousal as well (from lyrics 3)" in done.out
    graph.reload()
    assert graph.meta.additions["emotion"].settings["weights"]["lyrics"] == 3
    assert "added after the build: emotion, from lyrics" in hetmusic("info", graph.path).succeeded().out
    hetmusic(*call).succeeded()
    assert "made with other settings" in hetmusic(*call[:-1], "lyrics=2").error
    hetmusic(*call[:-1], "lyrics=2", "--overwrite").succeeded()
    assert "needs --emotion" in hetmusic("features", "extract", graph.path, "--text", "--lexicon", "x").error
    assert "is not of the form sound=ATTRIBUTE" in hetmusic(*call, "--emotion-from", "key").error


def test_words_that_belong_to_the_items_count_and_keep_their_edges(tmp_path):
    graph = write(tmp_path / "g", words=((0, 0, 2.0), (2, 1, 2.0)))
    report = add_emotion(graph, lexicon=SUNNY, vader=False)
    assert report.sources == {"lyrics": 3, "tags": 2}
    calm, anger = place("calm"), place("anger")
    # lyrics 1 · 0.5, tags 2 · 2/4
    assert table(graph)["valence"][0] == pytest.approx((0.5 * 0.8 + 1.0 * calm[0]) / 1.5)
    assert table(graph).row(2)[:2] == pytest.approx(anger)
    edges = graph.edges("evokes")
    assert edges.weight[edges.src == 0].tolist() == [2.0]
    assert edges.weight[edges.src == 2].tolist() == [2.0]
    assert len(edges.dst[edges.src == 1]) == 3
    # the words of the graph stay where they are, and get the vocabulary's places
    words = graph.nodes("emotion")
    assert words["key"].to_list()[:2] == ["calm", "anger"]
    assert words.row(0, named=True)["valence"] == pytest.approx(calm[0])
    assert words["key"].is_unique().all()


def test_words_with_features_are_not_joined_by_words_without(tmp_path):
    graph = write(tmp_path / "g", words=((2, 1, 2.0),))
    graph.add_modality("emotion", "text", np.ones((2, 3), np.float32))
    report = add_emotion(graph, lexicon=SUNNY, vader=False)
    assert report.new_words == 0
    assert graph.nodes("emotion").height == 2
    assert report.edges > 0
    assert validate_graph(graph.path).errors == []


def test_peoples_tags_are_combined_per_split_without_the_held_out_ones(tmp_path):
    # user 0 finds artist 0 calm, user 1 finds it angry; user 1's pair with artist 0 is the fifth interaction
    graph = write(tmp_path / "g", tags=((0, 0, 0), (1, 0, 1)))
    report = add_emotion(graph, lexicon=SUNNY, vader=False)
    assert report.sources == {"lyrics": 3}  # not a word of what people said is in the attributes
    assert table(graph)["valence"][0] == pytest.approx(0.8)
    calm, anger = place("calm")[0], place("anger")[0]
    held = item_emotions(view(graph, held=(4,))).points[0, 0]
    # the estimate: weight 1, confidence 0.5; one person who says calm: weight 2, confidence 1/3
    assert held == pytest.approx((0.5 * 0.8 + 2 / 3 * calm) / (0.5 + 2 / 3), abs=1e-6)
    mean, spread = (calm + anger) / 2, abs(calm - anger) / 2
    sure = 2 * 2 / 4 * (1 - spread)
    everything = item_emotions(view(graph)).points[0, 0]
    assert everything == pytest.approx((0.5 * 0.8 + sure * mean) / (0.5 + sure), abs=1e-6)
    assert check_leakage(view(graph, held=(4,)), graph, view(graph, held=(4,)).split).clean


def test_a_split_that_holds_nobody_out_leaks_nothing_into_the_folder(tmp_path):
    """The same graph with other tags of people gets the same attributes: they do not depend on any of them."""
    tables = []
    for number, tags in enumerate([((0, 0, 0),), ((0, 0, 1), (1, 3, 1), (1, 1, 0))]):
        graph = write(tmp_path / f"g{number}", tags=tags)
        add_emotion(graph, lexicon=SUNNY, vader=False)
        tables.append(table(graph))
    assert tables[0].equals(tables[1])


def test_hiding_the_modality_hides_the_estimate(tmp_path):
    graph = write(tmp_path / "g", tags=((0, 0, 0),))
    add_emotion(graph, lexicon=SUNNY, vader=False)
    shown, hidden = item_emotions(view(graph)), item_emotions(view(graph), hidden=["emotion"])
    assert shown.modality == hidden.modality == "emotion"
    assert hidden.known.tolist() == [True, False, False, False]  # what a person said is still known
    assert hidden.points[0] == pytest.approx(place("calm"))
    assert shown.known.tolist() == [True, True, False, True]


def test_controls_reach_the_estimate(tmp_path):
    """An ablation shuffles the estimates among songs, what people said, or hides half of the estimates."""
    graph = write(tmp_path / "g", tags=((0, 0, 0), (1, 2, 1)))
    add_emotion(graph, lexicon=SUNNY, vader=False)
    plain = item_emotions(view(graph))
    for control in ("shuffled-emotion", "shuffled-kg", "half-features"):
        altered = [item_emotions(view(ControlledGraph(graph, [control], seed=seed))) for seed in range(6)]
        assert any(not np.allclose(found.points, plain.points) for found in altered), control
    # of three estimates one goes; what people said of the other songs stays
    assert all(found.known.sum() >= 2 for found in altered)


def test_making_it_anew_starts_from_the_raw_data(tmp_path):
    graph = write(tmp_path / "g", words=((0, 0, 2.0),))
    add_emotion(graph, lexicon=SUNNY, vader=False)
    first = {p.relative_to(graph.path): p.read_bytes() for p in graph.path.rglob("*") if p.is_file()}
    with pytest.raises(
        FeatureError, match=r"already has emotion of artist, made with other settings; pass --over"
    ):
        add_emotion(graph, lexicon=SUNNY, vader=False, weights={"tags": 0.1})
    add_emotion(graph, lexicon=SUNNY, vader=False, weights={"tags": 0.1}, overwrite=True)
    assert table(graph)["valence"][0] == pytest.approx((0.5 * 0.8 + 0.05 * place("calm")[0]) / 0.55)
    add_emotion(graph, lexicon=SUNNY, vader=False, overwrite=True)
    add_emotion(graph, lexicon=SUNNY, vader=False)  # the same again needs no permission
    again = {p.relative_to(graph.path): p.read_bytes() for p in graph.path.rglob("*") if p.is_file()}
    assert again == first


def test_other_attributes_can_be_read(tmp_path):
    graph = write(tmp_path / "g", lyrics=None, words_sung=list(SONGS.values()))
    add_emotion(graph, lexicon=SUNNY, vader=False, attributes={"lyrics": "words_sung"})
    assert table(graph)["valence"][0] == pytest.approx(0.8)
    assert graph.meta.additions["emotion"].settings["attributes"] == {"lyrics": "words_sung"}


def test_valence_of_the_raw_data_is_not_replaced_unasked(tmp_path):
    graph = write(tmp_path / "g", valence=[0.1, None, None, None], arousal=[0.1, None, None, None])
    with pytest.raises(FeatureError, match="artist nodes have valence and arousal from the raw data"):
        add_emotion(graph, lexicon=SUNNY, vader=False)
    add_emotion(graph, lexicon=SUNNY, vader=False, overwrite=True)
    assert table(graph)["valence"][0] == pytest.approx(0.8)
    kept = pl.read_parquet(graph.path / "before" / "emotion" / "nodes" / "artist.parquet")
    assert kept["valence"][0] == 0.1


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (
            {"lyrics": None},
            {},
            r"nothing to estimate emotions from \(lyrics: artist nodes have no attribute 'lyrics'",
        ),
        (
            {"lyrics": None, "tags": ((0, 0, 0),)},
            {},
            "tags: only people's own tags are known; they are combined for every",
        ),
        ({"lyrics": {"a0": "la la"}}, {"vader": True}, "no artist got an emotion from lyrics"),
        ({}, {"sources": ["sound"]}, "emotion from sound: artist nodes have no attribute 'audio'"),
        (
            {"audio": {}},
            {"sources": ["sound"]},
            r"emotion from sound: no model of sound is given \(--emotion-model\)",
        ),
        (
            {"audio": {}},
            {"sources": ["sound"], "model": constant_model(0, 0, 1)},
            r"no raw folder is given \(--raw\)",
        ),
        (
            {},
            {"attributes": {"lyrics": "lyric"}},
            "artist nodes have no attribute 'lyric'.*did you mean 'lyrics'",
        ),
        (
            {},
            {"attributes": {"tags": "lyrics"}},
            "emotion from tags: only lyrics and sound read an attribute",
        ),
        ({}, {"sources": ["tags"]}, "emotion from tags: the raw data has no emotion words"),
        ({}, {"sources": ["lirics"]}, "no source of emotion 'lirics'.*did you mean 'lyrics'"),
        ({}, {"sources": ["lyrics"], "weights": {"lyrics": 0.0}}, "emotion from lyrics: its weight is 0"),
        ({}, {"weights": {"sond": 1.0}}, "no source 'sond'.*did you mean 'sound'"),
        ({}, {"weights": {"sound": -1.0}}, "sound has -1, which is not a number from 0 on"),
        ({}, {"model": "none.safetensors"}, "none.safetensors does not exist"),
        ({}, {"lexicon": "none.tsv"}, "none.tsv cannot be read"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(tmp_path, given, options, message):
    graph = write(tmp_path / "g", **given)
    meta = (graph.path / "graph.json").read_bytes()
    with pytest.raises(FeatureError, match=message) as caught:
        add_emotion(graph, **options)
    assert "\n" not in str(caught.value)
    assert (graph.path / "graph.json").read_bytes() == meta
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


def test_weights_in_one_text():
    assert parse_weights("lyrics=0.5, tags=0") == {"lyrics": 0.5, "sound": 1.0, "tags": 0.0}
    assert DEFAULT_WEIGHTS == {"lyrics": 1.0, "sound": 1.0, "tags": 2.0}
    for wrong in ("lyrics", "lyrics=x", "lyrics=1,,sound=2", "=1x"):
        with pytest.raises(FeatureError, match="is not of the form lyrics=1"):
            parse_weights(wrong)
    with pytest.raises(FeatureError, match="all are 0, so nothing counts"):
        parse_weights("lyrics=0,sound=0,tags=0")


def test_ten_real_songs(shared_data, tmp_path):
    raw = shared_data / "ultrastar"
    graph = MusicGraph.build("ultrastar", raw=raw, out=tmp_path / "g")
    report = add_emotion(graph, raw, model=constant_model(0.5, -0.5, 0.6))
    assert report.sources == {
        "lyrics": 9,
        "sound": 8,
    }  # German lyrics say nothing to VADER; two songs have no sound
    assert report.silent == {"none given": 2}
    assert (report.valence, report.both) == (9, 8)  # the German song is one of the two
    found = graph.nodes("song")
    assert found["arousal"].null_count() == 2
    assert found["valence"].is_between(-1, 1).all()
    assert validate_graph(graph.path).errors == []
