"""The figures of a graph's schema and of a model's architecture."""

from __future__ import annotations

import pytest

from hetmusic.report import NotAvailable, collect, get_figure, open_source
from hetmusic.report.figures.schema import NodeType, Relation, SchemaData, places_of
from tests.report.page.conftest import fitted as fitted


@pytest.fixture(scope="module")
def schema(fitted):
    return collect(get_figure("schema"), open_source(fitted))


@pytest.fixture(scope="module")
def architecture(fitted):
    return collect(get_figure("architecture"), open_source(fitted))


def test_schema(schema, fitted):
    graph = open_source(fitted).graph
    assert (schema.user_type, schema.item_type) == ("user", "song")
    assert {node.name: node.count for node in schema.nodes} == {
        t: graph.num_nodes(t) for t in graph.node_types
    }
    assert Relation("user", "friends", "user", graph.num_edges("friends"), True) in schema.relations
    assert len(schema.relations) == len(graph.edge_types)
    assert [table.title for table in schema.tables()] == ["node types", "relations"]


def test_schema_drawn(schema):
    (axes,) = get_figure("schema").drawn(schema).axes
    texts = [text.get_text() for text in axes.texts]
    assert {node.name for node in schema.nodes} <= set(texts)
    for relation in schema.relations:
        assert any(f"{relation.name} {relation.count:,}" in text for text in texts)


def test_boxes_of_a_schema_do_not_overlap(schema):
    from matplotlib.patches import FancyBboxPatch

    figure = get_figure("schema").drawn(schema)
    figure.draw_without_rendering()
    found = [
        patch.get_window_extent() for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)
    ]
    assert len(found) == len(schema.nodes)
    assert not any(a.overlaps(b) for number, a in enumerate(found) for b in found[:number])


def test_what_is_joined_lies_side_by_side():
    names = ["user", "song", "album", "emotion", "genre", "artist", "tag"]
    data = SchemaData(
        graph="g", user_type="user", item_type="song", nodes=[NodeType(name, 1) for name in names],
        relations=[Relation("album", "released_by", "artist", 1, False), Relation("tag", "means", "genre", 1, False)],
    )  # fmt: skip
    places = places_of(data)
    assert places["song"] == (0, 0)
    assert places["user"][0] < 0
    around = sorted(
        (name for name in places if name not in ("song", "user")), key=lambda name: -places[name][1]
    )
    assert abs(around.index("album") - around.index("artist")) == 1
    assert abs(around.index("tag") - around.index("genre")) == 1


@pytest.mark.parametrize("others", [0, 1, 9])
def test_any_number_of_types_has_places(others):
    names = ["user", "song", *(f"type{i}" for i in range(others))]
    data = SchemaData(
        graph="g",
        user_type="user",
        item_type="song",
        nodes=[NodeType(name, 1) for name in names],
        relations=[],
    )
    assert len({tuple(round(x, 6) for x in place) for place in places_of(data).values()}) == len(names)
    get_figure("schema").drawn(data)


def test_architecture(architecture):
    assert architecture.towers == ["ids"]
    assert architecture.inputs == ["song embeddings"]
    assert architecture.num_layers == 2
    cells = {(cell.layer, cell.relation): cell for cell in architecture.cells}
    assert (cells[1, "song liked_by user"].encoder, cells[1, "song liked_by user"].arguments) == (
        "mean",
        "weight=log",
    )
    assert cells[1, "user friends user"].note.startswith("silent")
    assert cells[2, "user friends user"].note == ""
    assert "user likes song" in architecture.unused
    assert architecture.notes == (f"{architecture.all_parameters:,} parameters.",)
    assert architecture.head[0].startswith("late head")


def test_architecture_drawn(architecture):
    (axes,) = get_figure("architecture").drawn(architecture, "dark").axes
    texts = [text.get_text() for text in axes.texts]
    assert {"ids", "song embeddings", "layer 1", "layer 2", "head", "song → liked_by → user"} <= set(texts)
    assert texts.count("mean\nweight=log") == 2
    # an input, a cell a relation and layer, and the head
    assert len(axes.patches) == 1 + len(architecture.cells) + 1


def test_without_weights(run_folder):
    with pytest.raises(NotAvailable, match="the model cannot be made again"):
        collect(get_figure("architecture"), open_source(run_folder))


def test_without_graph(run_folder, graph):
    graph.path.rename(graph.path.with_name("elsewhere"))
    for name in ("schema", "architecture"):
        with pytest.raises(NotAvailable, match="is gone"):
            collect(get_figure(name), open_source(run_folder))
