"""The dump specification of a planted world: the same for all of them."""

from __future__ import annotations

from typing import Any


def dump_spec() -> dict[str, Any]:
    """The content of ``spec.yaml``, a :class:`kg_schema.dump.DumpSpec`."""
    return {
        "name": "planted-world",
        "title": "A planted world made by hetmusic",
        "licence": "CC0-1.0",
        "citation": "made by hetmusic synth; no real listener, song or artist",
        "item": "song",
        "interaction": "likes",
        "files": _files(),
        "nodes": _nodes(),
        "edges": _edges(),
        "assignments": {"file": "tags", "user": "user_id", "item": "song_id", "tag": "tag", "time": "time"},
    }


def _files() -> dict[str, Any]:
    files: dict[str, Any] = {
        name: {"path": f"{name}.csv", "final_newline": True}
        for name in ("users", "artists", "albums", "songs", "friends")
    }
    for name in ("listens", "tags"):
        files[name] = {"path": f"{name}.tsv", "final_newline": True}
    files["lyrics"] = {"path": "lyrics.jsonl"}
    return files


def _nodes() -> dict[str, Any]:
    song_attributes = {name: {"column": name, "dtype": "float"} for name in ("valence", "arousal")}
    return {
        "user": [{"file": "users", "key": "user_id", "name": "name"}],
        "artist": [{"file": "artists", "key": "artist_id", "name": "name"}],
        "album": [
            {
                "file": "albums",
                "key": "album_id",
                "name": "title",
                "attributes": {"year": {"column": "year", "dtype": "int"}},
            }
        ],
        "song": [
            {
                "file": "songs",
                "key": "song_id",
                "name": "title",
                "attributes": {**song_attributes, "audio": "audio", "cover": "cover"},
            },
            {"file": "lyrics", "key": "song_id", "attributes": {"lyrics": "lyrics"}},
        ],
    }


def _edges() -> list[dict[str, Any]]:
    return [
        {
            "relation": "likes", "file": "listens", "src": "user_id", "dst": "song_id", "dst_type": "song",
            "weight": "plays", "time": "time",
        },
        {"relation": "friends", "file": "friends", "src": "user_id", "dst": "friend_id"},
        {"relation": "sung_by", "file": "songs", "src": "song_id", "dst": "artist_id"},
        {"relation": "on_album", "file": "songs", "src": "song_id", "dst": "album_id"},
        {"relation": "released_by", "file": "albums", "src": "album_id", "dst": "artist_id"},
    ]  # fmt: skip
