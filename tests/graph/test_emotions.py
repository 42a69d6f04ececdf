"""What a graph knows about emotions: attributes, a modality, words; as far as training may see it."""

from __future__ import annotations

import logging

import numpy as np
import polars as pl
import pytest

from hetmusic.graph import EdgeType, GraphWriter, MusicGraph, Split, TrainingView
from hetmusic.graph.emotions import item_emotions
from hetmusic.graph.splits import TEST, TRAIN
from tests.graphs import EVOKES, LIKES


def write(folder, *, attributes=None, words=(), weights=None, emotions=("calm", "anger"), places=None):
    """Two users who like the first two of three artists."""
    with GraphWriter(folder) as writer:
        writer.nodes("user", pl.DataFrame({"key": ["u0", "u1"]}))
        artists = pl.DataFrame({"key": ["a0", "a1", "a2"]})
        writer.nodes("artist", artists if attributes is None else artists.with_columns(columns(attributes)))
        writer.edges(LIKES, pl.DataFrame({"src": [0, 0, 1, 1], "dst": [0, 1, 0, 1]}))
        if words:
            table = pl.DataFrame({"key": list(emotions)})
            writer.nodes("emotion", table if places is None else table.with_columns(columns(places)))
            edges = pl.DataFrame(list(words), schema=["src", "dst"], orient="row")
            writer.edges(EVOKES, edges if weights is None else edges.with_columns(weight=pl.Series(weights)))
        writer.finish(name="tiny", item="artist", interaction="likes")
    return MusicGraph.open(folder)


def columns(values):
    return [pl.Series(name, column) for name, column in values.items()]


def view(graph, parts=(TRAIN, TRAIN, TRAIN, TEST)):
    return TrainingView(graph, Split(graph.interactions, np.array(parts, np.uint8), {"strategy": "by hand"}))


def test_a_graph_without_emotions(tmp_path):
    found = item_emotions(view(write(tmp_path / "g")))
    assert not found.present.any()
    assert found.num_words == 0


def test_points_are_the_attributes(tmp_path):
    graph = write(tmp_path / "g", attributes={"valence": [0.5, None, -1.0], "arousal": [0.25, 0.5, 1.0]})
    found = item_emotions(view(graph))
    assert found.known.tolist() == [True, False, True]
    assert found.points.tolist() == [[0.5, 0.25], [0, 0], [-1, 1]]


def test_points_of_a_modality_by_its_columns(tmp_path):
    graph = write(tmp_path / "g")
    values = np.array([[9, 0.25, 0.5], [7, -0.5, 1.0]], np.float32)
    graph.add_modality(
        "artist", "mood", values, keys=["a2", "a0"], info={"columns": ["x", "arousal", "valence"]}
    )
    found = item_emotions(view(graph))
    assert found.modality == "mood"
    assert found.points.tolist() == [[1, -0.5], [0, 0], [0.5, 0.25]]
    assert not item_emotions(view(graph), hidden=["mood"]).present.any()


def test_where_there_is_no_point_it_is_the_mean_of_the_words_by_number_of_people(tmp_path):
    graph = write(
        tmp_path / "g",
        attributes={"valence": [0.1, None, None], "arousal": [0.2, None, None]},
        words=[(0, 0), (1, 0), (1, 1)],
        weights=[1.0, 3.0, 1.0],
        places={"valence": [1.0, -1.0], "arousal": [-1.0, 1.0]},
    )
    found = item_emotions(view(graph))
    assert np.allclose(found.points, [[0.1, 0.2], [0.5, -0.5], [0, 0]])
    assert found.known.tolist() == [True, True, False]
    assert found.num_words == 2


def test_words_without_a_place_are_looked_up_in_the_vocabulary(tmp_path):
    graph = write(tmp_path / "g", words=[(0, 0), (1, 1)], emotions=("calm", "no such word"))
    found = item_emotions(view(graph))
    assert found.points[0, 1] < 0 < found.points[0, 0]
    assert found.known.tolist() == [True, False, False]
    assert found.present.tolist() == [True, True, False]  # a word is an emotion, wherever it lies


def test_values_on_another_scale_are_not_used(tmp_path, caplog):
    graph = write(tmp_path / "g", attributes={"valence": [5.0, 1.0, 9.0], "arousal": [3.0, 2.0, 8.0]})
    with caplog.at_level(logging.WARNING):
        assert not item_emotions(view(graph)).present.any()
    assert "run from 1 to 9, not from -1 to 1" in caplog.text


def test_words_of_held_out_pairs_do_not_count(tmp_path):
    with GraphWriter(tmp_path / "g") as writer:
        writer.nodes("user", pl.DataFrame({"key": ["u0", "u1"]}))
        writer.nodes("artist", pl.DataFrame({"key": ["a0", "a1"]}))
        writer.edges(LIKES, pl.DataFrame({"src": [0, 0, 1, 1], "dst": [0, 1, 0, 1]}))
        writer.nodes("emotion", pl.DataFrame({"key": ["calm", "anger"]}))
        rows = [(0, 1, "emotion", 0), (1, 1, "emotion", 1)]
        writer.assignments(pl.DataFrame(rows, schema=["user", "item", "kind", "tag"], orient="row"))
        writer.finish(name="tiny", item="artist", interaction="likes")
    graph = MusicGraph.open(tmp_path / "g")
    found = item_emotions(view(graph))  # u1's like of a1 is held out, and so is what u1 felt
    assert found.words.dst.tolist() == [0]
    assert EdgeType("artist", "evokes", "emotion") in graph.edge_types


@pytest.mark.parametrize("columns", [["valence"], "valence arousal", None])
def test_a_modality_that_does_not_name_its_columns_is_none(tmp_path, columns):
    graph = write(tmp_path / "g")
    graph.add_modality("artist", "mood", np.zeros((3, 2), np.float32), info={"columns": columns})
    assert item_emotions(view(graph)).modality is None
