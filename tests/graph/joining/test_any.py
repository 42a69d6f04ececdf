"""Any two dumps and any key map between them: the joined graph is what a few lines of plain Python make of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hetmusic.graph.validation import validate_graph
from tests.graph.joining.dumps import dump, edges, join, listens, write

ours = st.sampled_from(["a", "b", "c", "d"])
theirs = st.sampled_from(["1", "2", "3", "a"])
users = st.sampled_from(["u", "v", "w"])
pairs = st.lists(st.tuples(ours, theirs), max_size=6, unique=True)


def plays(songs: st.SearchStrategy[str]) -> st.SearchStrategy[dict[tuple[str, str], int]]:
    return st.dictionaries(st.tuples(users, songs), st.integers(1, 9), min_size=1, max_size=6)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(first=plays(ours), second=plays(theirs), key_map=pairs)
def test_two_dumps(
    first: dict[tuple[str, str], int], second: dict[tuple[str, str], int], key_map: list[tuple[str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        for name, found in (("one", first), ("two", second)):
            write(raw / name, "plays", ["user", "song", "plays"], *([*pair, n] for pair, n in found.items()))
        write(raw, "pairs", ["ours", "theirs"], *key_map)
        specs = [
            listens("one", keys={"user": "shared/user", "song": "ours/song"}),
            listens("two", keys={"user": "shared/user", "song": "theirs/song"}),
            dump(
                "map",
                ["pairs"],
                key_maps=[{"file": "pairs", "keys": {"ours/song": "ours", "theirs/song": "theirs"}}],
            ),
        ]
        graph, report = join(specs, {"one": raw / "one", "two": raw / "two", "map": raw}, raw / "graph")

        def named(song: str) -> str:
            others = {mine for mine, other in key_map if other == song}
            return others.pop() if len(others) == 1 else f"theirs/song:{song}"

        expected: dict[tuple[str, str], int] = {}
        for (user, song), count in second.items():
            pair = user, named(song)
            expected[pair] = expected.get(pair, 0) + count
        expected |= first
        assert edges(graph, "likes") == expected
        assert set(graph.keys("song")) == {song for _, song in expected}
        assert validate_graph(graph.path).valid
        (found,) = [join for join in report.joins if (join.node_type, join.dump) == ("song", "two")]
        their_songs = {song for _, song in second}
        known = {song for _, song in first}
        assert found.nodes == len(their_songs)
        assert found.joined == sum(named(song) in known for song in their_songs)
        assert found.merged == len(their_songs) - len({named(song) for song in their_songs})
        several = {
            song for song in their_songs if len({mine for mine, other in key_map if other == song}) > 1
        }
        assert found.ambiguous == len(several)
        assert [(part.dump, part.edges) for part in report.joined_edges] == [
            ("one", len(first)),
            ("two", len({(user, named(song)) for user, song in second})),
        ]
