"""Downloads from a server on this machine: what is kept, what is resumed, what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
import tarfile
import urllib.request
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hetmusic.dumps import download as download_module
from hetmusic.dumps.download import Patience
from hetmusic.dumps.fetch import Fetched, FetchObserver, fetch
from hetmusic.dumps.http import _Redirects
from hetmusic.errors import DownloadError, UserError
from kg_schema.dump import DumpSpec
from tests.cli.running import snapshot
from tests.dumps.server import Page, Server

CONTENT = bytes(range(256)) * 40
OTHER = bytes(reversed(CONTENT))
SHA = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(attempts=3, wait=0, timeout=5, sleep=lambda _: None)


def spec(*downloads: dict[str, Any]) -> DumpSpec:
    return DumpSpec.model_validate(
        {
            "name": "mine",
            "item": "song",
            "homepage": "https://data.example",
            "downloads": list(downloads),
            "files": {"p": {"path": "p.csv"}},
            "nodes": {"user": [{"file": "p", "key": "u"}], "song": [{"file": "p", "key": "s"}]},
            "edges": [{"relation": "likes", "file": "p", "src": "u", "dst": "s"}],
        }
    )


def get(server: Server, folder: Path, patience: Patience = QUICK, **more: Any) -> Fetched:
    (found,) = fetch(spec({"url": server.url("p.csv"), **more}), folder, patience=patience)
    return found


def test_a_file(server: Server, tmp_path: Path) -> None:
    server.pages["p.csv"] = Page(CONTENT)
    found = get(server, tmp_path / "new" / "folder")
    assert (found.action, found.size, found.sha256) == ("fetched", len(CONTENT), SHA)
    assert snapshot(tmp_path / "new" / "folder") == {"p.csv": len(CONTENT)}
    assert (tmp_path / "new" / "folder" / "p.csv").read_bytes() == CONTENT
    assert get(server, tmp_path / "new" / "folder").action == "there"
    assert len(server.requests) == 1


def test_an_interrupted_transfer_goes_on(server: Server, tmp_path: Path) -> None:
    server.pages["p.csv"] = Page(CONTENT, cuts=[1000, 2000])
    assert get(server, tmp_path).sha256 == SHA
    assert server.requests == [
        ("p.csv", None, None),
        ("p.csv", "bytes=1000-", '"1"'),
        ("p.csv", "bytes=3000-", '"1"'),
    ]
    assert server.sent == len(CONTENT), "no byte was sent twice"
    assert snapshot(tmp_path) == {"p.csv": len(CONTENT)}


@pytest.mark.parametrize("cut", [2000, 10_300])
def test_a_transfer_in_pieces(server: Server, tmp_path: Path, cut: int) -> None:
    """Nobody says how long the file is, and yet it is not taken for complete before its end."""
    server.pages["p.csv"] = Page(CONTENT, chunked=True, cuts=[cut])
    assert get(server, tmp_path).sha256 == SHA
    assert server.requests[1][1] is not None


def test_a_later_call_goes_on(server: Server, tmp_path: Path) -> None:
    server.pages["p.csv"] = Page(CONTENT, etag="", date="Mon, 23 Nov 2026 10:00:00 GMT", cuts=[1000, 0, 0, 0])
    with pytest.raises(
        DownloadError, match=r"broke after 1,000 of 10,240 bytes, 3 times; p\.csv\.part keeps"
    ):
        get(server, tmp_path)
    assert (tmp_path / "p.csv.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "p.csv").exists()
    server.requests.clear()
    server.pages["p.csv"].cuts.clear()
    assert get(server, tmp_path).sha256 == SHA
    assert server.requests == [("p.csv", "bytes=1000-", "Mon, 23 Nov 2026 10:00:00 GMT")]
    assert snapshot(tmp_path) == {"p.csv": len(CONTENT)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(1, 4000), max_size=6),
    ranges=st.booleans(),
    etag=st.sampled_from(['"1"', 'W/"1"', ""]),
    checked=st.booleans(),
    length=st.booleans(),
)
def test_whatever_breaks_the_file_is_right(
    server: Server,
    tmp_path_factory: pytest.TempPathFactory,
    cuts: list[int],
    ranges: bool,
    etag: str,
    checked: bool,
    length: bool,
) -> None:
    known = {"sha256": SHA, "size": len(CONTENT)} if checked or not length else {}
    server.pages["p.csv"] = Page(CONTENT, cuts=cuts, ranges=ranges, etag=etag, length=length)
    folder = tmp_path_factory.mktemp("raw")
    patience = Patience(attempts=9, wait=0, timeout=5, sleep=lambda _: None)
    if not length and cuts:
        with pytest.raises(DownloadError, match=r"bytes instead of"):
            get(server, folder, patience, **known)
        assert snapshot(folder) == {}
    else:
        assert get(server, folder, patience, **known).sha256 == SHA
        assert snapshot(folder) == {"p.csv": len(CONTENT)}


def test_a_server_without_ranges(server: Server, tmp_path: Path) -> None:
    server.pages["p.csv"] = Page(CONTENT, ranges=False, cuts=[1000])
    assert get(server, tmp_path).sha256 == SHA
    assert server.sent == 1000 + len(CONTENT)


def test_a_file_that_changed_in_between(server: Server, tmp_path: Path) -> None:
    server.pages["p.csv"] = Page(CONTENT, cuts=[1000, 0, 0, 0])
    with pytest.raises(DownloadError):
        get(server, tmp_path)
    server.pages["p.csv"] = Page(OTHER, etag='"2"')
    assert get(server, tmp_path).size == len(OTHER)
    assert (tmp_path / "p.csv").read_bytes() == OTHER


def test_without_version_only_a_checksum_lets_a_transfer_go_on(server: Server, tmp_path: Path) -> None:
    server.pages["p.csv"] = Page(OTHER, etag="", cuts=[1000, 0, 0, 0])
    with pytest.raises(DownloadError):
        get(server, tmp_path, sha256=SHA)
    server.pages["p.csv"] = Page(CONTENT, etag="")
    server.requests.clear()
    assert get(server, tmp_path, sha256=SHA).sha256 == SHA
    assert [wanted for _, wanted, _ in server.requests] == ["bytes=1000-", None], "the mixture was noticed"
    (tmp_path / "p.csv").unlink()
    server.pages["p.csv"] = Page(CONTENT, etag="", cuts=[1000])
    server.requests.clear()
    assert get(server, tmp_path).sha256 == SHA
    assert [wanted for _, wanted, _ in server.requests] == [None, None]


def test_everything_had_arrived_before(server: Server, tmp_path: Path) -> None:
    server.pages["p.csv"] = Page(CONTENT, cuts=[1000, 0, 0, 0])
    with pytest.raises(DownloadError):
        get(server, tmp_path)
    (tmp_path / "p.csv.part").write_bytes(CONTENT)
    assert get(server, tmp_path).sha256 == SHA
    (tmp_path / "p.csv").rename(tmp_path / "p.csv.part")
    state = {"url": server.url("p.csv"), "version": '"1"'}
    (tmp_path / "p.csv.part.json").write_text(json.dumps(state))
    server.pages["p.csv"] = Page(CONTENT[:500])
    assert get(server, tmp_path).size == 500, "a part that is longer than the file is dropped"


@pytest.mark.parametrize(
    "state", ["", "[]", '{"url": "http://else.example/p.csv", "version": "1"}', '{"url": 1}']
)
def test_parts_of_something_else_are_dropped(server: Server, tmp_path: Path, state: str) -> None:
    server.pages["p.csv"] = Page(CONTENT)
    (tmp_path / "p.csv.part").write_bytes(b"something else")
    (tmp_path / "p.csv.part.json").write_text(state)
    assert get(server, tmp_path).sha256 == SHA
    assert snapshot(tmp_path) == {"p.csv": len(CONTENT)}


@pytest.mark.parametrize(
    ("page", "more", "message"),
    [
        (Page(CONTENT), {"sha256": "0" * 64}, f"its sha256 is {SHA} instead of 0000"),
        (Page(CONTENT), {"md5": "0" * 32}, "its md5 is .* instead of 0000.*, so it was not kept"),
        (Page(CONTENT), {"size": 5}, "has 10,240 bytes instead of 5: it is another file"),
        (Page(CONTENT, length=False), {"size": 5}, "sends more than 5 bytes"),
        (Page(CONTENT, length=False), {"size": 20_000}, "it has 10,240 bytes instead of 20,000"),
        (Page(CONTENT, headers={"Content-Encoding": "gzip"}), {}, r"in another form \(gzip\)"),
        (Page(b"<html>", headers={"Content-Type": "text/html; charset=utf-8"}), {}, "a web page instead of p.csv"),
        (Page(statuses=[404]), {}, r"has no such file \(404\)"),
        (Page(statuses=[403]), {}, r"refuses to give the file \(403\)"),
        (Page(statuses=[418]), {}, r"does not give the file \(418\)"),
        (Page(statuses=[503] * 3), {}, r"the server answers 503 \(Service Unavailable\), 3 times$"),
        (Page(redirect="/p.csv"), {}, "redirects again and again"),
        (Page(redirect="file:///etc/passwd"), {}, "redirects"),
        (Page(redirect="ftp://127.0.0.1/p.csv"), {}, "redirects to ftp://127.0.0.1/p.csv, where hetmusic does not go"),
    ],
)  # fmt: skip
def test_refused(server: Server, tmp_path: Path, page: Page, more: dict[str, Any], message: str) -> None:
    server.pages["p.csv"] = page
    with pytest.raises(DownloadError, match=message) as caught:
        get(server, tmp_path / "raw", **more)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "raw").exists() or snapshot(tmp_path / "raw") == {}


def test_redirects(server: Server, tmp_path: Path) -> None:
    server.pages["a"] = Page(redirect="/b")
    server.pages["b"] = Page(redirect=server.url("p.csv"))
    server.pages["p.csv"] = Page(CONTENT, cuts=[1000])
    (found,) = fetch(spec({"url": server.url("a"), "name": "p.csv"}), tmp_path, patience=QUICK)
    assert found.sha256 == SHA
    assert server.sent == len(CONTENT), "the Range goes along"


def test_no_way_back_from_https() -> None:
    request = urllib.request.Request("https://data.example/p.csv")
    with pytest.raises(
        DownloadError, match=r"redirects to http://data.example/p.csv, where hetmusic does not go"
    ):
        _Redirects().redirect_request(request, io.BytesIO(), 302, "", None, "http://data.example/p.csv")  # type: ignore[arg-type]


def test_too_large(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.pages["p.csv"] = Page(CONTENT)
    monkeypatch.setattr(download_module, "_LARGEST", 10_000)
    with pytest.raises(DownloadError, match=r"10,240 bytes are more than any data set has"):
        get(server, tmp_path)
    server.pages["p.csv"].length = False
    with pytest.raises(DownloadError, match=r"sends more than 10,000 bytes"):
        get(server, tmp_path)
    assert snapshot(tmp_path) == {}


def test_no_room(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.pages["p.csv"] = Page(CONTENT)
    usage = namedtuple("usage", "free")(1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DownloadError, match=r"10,240 bytes are to come, but .* has room for 1,000 only"):
        get(server, tmp_path)


def test_patience(server: Server, tmp_path: Path) -> None:
    slept: list[float] = []
    patience = Patience(attempts=4, wait=0.5, timeout=5, sleep=slept.append)
    server.pages["p.csv"] = Page(CONTENT, statuses=[503, 500, 429])
    assert get(server, tmp_path, patience).action == "fetched"
    server.pages["p.csv"] = Page(CONTENT, statuses=[503], headers={"Retry-After": "7"})
    (tmp_path / "p.csv").unlink()
    get(server, tmp_path, patience)
    server.pages["p.csv"] = Page(CONTENT, statuses=[503], headers={"Retry-After": "86400"})
    (tmp_path / "p.csv").unlink()
    get(server, tmp_path, patience)
    assert slept == [0.5, 1, 2, 7, 60]


def test_nobody_answers(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/p.csv"
        with pytest.raises(DownloadError, match=r"Connection refused, 3 times$"):
            list(fetch(spec({"url": url}), tmp_path, patience=QUICK))


def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/p.csv"
        patience = Patience(attempts=2, wait=0, timeout=0.05, sleep=lambda _: None)
        with pytest.raises(DownloadError, match=r"the server does not answer, 2 times$"):
            list(fetch(spec({"url": url}), tmp_path, patience=patience))


def test_what_is_there_is_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(OTHER)
    with pytest.raises(
        DownloadError, match=r"p\.csv is there, but its sha256 is .*; remove it to download it again"
    ):
        get(server, tmp_path, sha256=SHA)
    assert (tmp_path / "p.csv").read_bytes() == OTHER
    (tmp_path / "p.csv").unlink()
    (tmp_path / "p.csv").mkdir()
    with pytest.raises(DownloadError, match=r"p\.csv is not a file"):
        get(server, tmp_path)
    assert server.requests == []


def test_by_hand_optional_and_offline(server: Server, tmp_path: Path) -> None:
    dump = spec(
        {"url": server.url("p.csv")},
        {"url": server.url("gone.csv"), "optional": True},
        {"page": "https://data.example", "name": "hand.csv", "note": "ask for it"},
        {"page": "https://data.example", "name": "more.csv", "optional": True},
    )
    tmp_path.joinpath("raw").mkdir()
    found = list(fetch(dump, tmp_path / "raw", offline=True))
    assert [(f.action, f.lacking) for f in found] == [("missing", True), ("missing", False)] * 2
    assert (server.requests, snapshot(tmp_path / "raw")) == ([], {})
    server.pages["p.csv"] = Page(CONTENT)
    found = list(fetch(dump, tmp_path / "raw", patience=QUICK))
    assert [f.action for f in found] == ["fetched", "failed", "manual", "manual"]
    assert [f.lacking for f in found] == [False, False, True, False]
    assert "has no such file" in found[1].reason
    (tmp_path / "raw" / "hand.csv").write_bytes(b"x")
    found = list(fetch(dump, tmp_path / "raw", offline=True))
    assert [f.action for f in found] == ["there", "missing", "there", "missing"]
    assert not any(f.lacking for f in found)
    found = list(fetch(dump, tmp_path / "nix", offline=True))
    assert [(f.action, f.lacking) for f in found] == [("missing", True), ("missing", False)] * 2
    assert not (tmp_path / "nix").exists(), "only looked for"
    with pytest.raises(DownloadError, match=r"hand\.csv is not a folder"):
        list(fetch(dump, tmp_path / "raw" / "hand.csv", offline=True))


def test_some_of_the_files(server: Server, tmp_path: Path) -> None:
    server.pages["p.csv"] = Page(CONTENT)
    dump = spec({"url": server.url("p.csv")}, {"url": server.url("b.zip"), "unpack": ["q.csv"]})
    assert [found.load.file for found in fetch(dump, tmp_path, only=["p.csv"], patience=QUICK)] == ["p.csv"]
    assert [found.load.file for found in fetch(dump, tmp_path, only=["q.csv"], offline=True)] == ["b.zip"]
    with pytest.raises(DownloadError, match=r"'mine' has no download 'q\.cvs' \(did you mean 'q\.csv'\?\)"):
        list(fetch(dump, tmp_path, only=["q.cvs"]))


def test_no_downloads_at_all(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"'mine' does not say where .*; https://data.example may tell"):
        list(fetch(spec(), tmp_path / "raw"))
    assert not (tmp_path / "raw").exists()


def test_the_folder_is_a_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("x")
    with pytest.raises(UserError, match=r"cannot write .*raw: "):
        get(server, tmp_path / "raw")


def test_archives_are_unpacked_and_go(server: Server, tmp_path: Path) -> None:
    made = tmp_path / "made"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "p.csv").write_bytes(CONTENT)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(made / "deep", "deep")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as zipped:
        zipped.writestr("tree/x/1.txt", "1")
        zipped.writestr("tree/2.txt", "2")
        zipped.writestr("readme.txt", "r")
    for name in ("a.tar.gz", "b.zip"):
        server.pages[name] = Page((tmp_path / name).read_bytes())
    dump = spec(
        {"url": server.url("a.tar.gz"), "unpack": {"deep/p.csv": "p.csv"}},
        {"url": server.url("b.zip"), "unpack": {"tree/": "h5/"}},
    )
    assert [f.action for f in fetch(dump, tmp_path / "raw", patience=QUICK)] == ["fetched", "fetched"]
    assert {path for path, size in snapshot(tmp_path / "raw").items() if size >= 0} == {
        "p.csv",
        "h5/x/1.txt",
        "h5/2.txt",
    }
    assert (tmp_path / "raw" / "p.csv").read_bytes() == CONTENT
    server.requests.clear()
    assert [f.action for f in fetch(dump, tmp_path / "raw", patience=QUICK)] == ["there", "there"]
    assert server.requests == []


def test_a_bad_archive_stays_for_a_look(server: Server, tmp_path: Path) -> None:
    server.pages["a.zip"] = Page(b"PK\x03\x04 no archive")
    with pytest.raises(DownloadError, match=r"a\.zip is damaged or cut off"):
        list(fetch(spec({"url": server.url("a.zip"), "unpack": ["p.csv"]}), tmp_path, patience=QUICK))
    assert list(snapshot(tmp_path)) == ["a.zip"]


def test_progress(server: Server, tmp_path: Path) -> None:
    events: list[tuple[Any, ...]] = []

    class Watcher(FetchObserver):
        def on_start(self, file: str) -> None:
            events.append(("start", file))

        def on_bytes(self, file: str, done: int, total: int | None) -> None:
            events.append((done, total))

        def on_end(self, file: str) -> None:
            events.append(("end", file))

    server.pages["p.csv"] = Page(CONTENT, cuts=[1000])
    list(fetch(spec({"url": server.url("p.csv")}), tmp_path, observer=Watcher(), patience=QUICK))
    assert events[0] == ("start", "p.csv")
    assert events[-2:] == [(len(CONTENT), len(CONTENT)), ("end", "p.csv")]
    assert (1000, len(CONTENT)) in events
