"""Archives: what is wanted is taken, what is dangerous is refused, and nothing is half-unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hetmusic.dumps import unpack as module
from hetmusic.dumps.unpack import unpack
from hetmusic.errors import DownloadError

FILES = {
    "top/a.csv": b"a" * 5000,
    "top/tree/x/1.h5": b"one",
    "top/tree/2.h5": b"two",
    "readme.txt": b"read me",
}


def make(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in files.items():
                zipped.writestr(name, content)
        return path
    with tarfile.open(path, f"w:{path.suffix[1:].replace('tgz', 'gz').replace('tar', '')}") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"])
def test_every_kind(tmp_path: Path, name: str) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    archive = make(tmp_path / name, FILES)
    unpack(archive, {"a.csv": "b.csv", "top/tree/": "deep/h5/", "readme.txt": "readme.txt"}, raw)
    assert contents(raw) == {
        "b.csv": FILES["top/a.csv"],
        "deep/h5/x/1.h5": b"one",
        "deep/h5/2.h5": b"two",
        "readme.txt": b"read me",
    }
    assert sorted(path.name for path in raw.iterdir()) == ["b.csv", "deep", "readme.txt"]


def test_names_that_begin_with_a_dot(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.tar.gz", {f"./{name}": content for name, content in FILES.items()})
    (tmp_path / "raw").mkdir()
    unpack(archive, {"readme.txt": "r", "tree/": "t/"}, tmp_path / "raw")
    assert sorted(contents(tmp_path / "raw")) == ["r", "t/2.h5", "t/x/1.h5"]


Tamper = Callable[[Path], object]


def link(kind: bytes, target: str) -> Tamper:
    def write(path: Path) -> None:
        with tarfile.open(path, "w:gz") as tar:
            info = tarfile.TarInfo("a.csv")
            info.type, info.linkname = kind, target
            tar.addfile(info)

    return write


def zip_link(path: Path) -> None:
    info = zipfile.ZipInfo("a.csv")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr(info, "/etc/passwd")


def set_flag(path: Path) -> None:
    make(path, {"a.csv": b"x" * 100})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)


def repeated(path: Path) -> None:
    with tarfile.open(path, "w") as tar:
        for name in ("x/a.csv", "y/a.csv"):
            tar.addfile(tarfile.TarInfo(name))


def long_name(path: Path) -> None:
    """A header that says that the name of the next member has 50 MB."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 50_000_000
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(60_000_000)))


def cut(path: Path) -> None:
    make(path, {"a.csv": bytes(range(256)) * 3000})
    path.write_bytes(path.read_bytes()[:-300])


BAD: dict[str, tuple[str, Tamper, str]] = {
    "climbs": ("a.tar.gz", lambda p: make(p, {"a.csv": b"", "../evil": b"x"}), r"'\.\./evil' leaves the folder"),
    "climbs from a folder": ("a.zip", lambda p: make(p, {"tree/../../a.csv": b"x"}), "leaves the folder"),
    "climbs backwards": ("a.zip", lambda p: make(p, {"..\\evil": b"x"}), "leaves the folder"),
    "absolute": ("a.tar", lambda p: make(p, {"/tmp/a.csv": b"x"}), "leaves the folder"),
    "a drive": ("a.zip", lambda p: make(p, {"C:/a.csv": b"x"}), "leaves the folder"),
    "symbolic link": ("a.tgz", link(tarfile.SYMTYPE, "/etc/passwd"), "'a.csv' is a link, which is not unpacked"),
    "hard link": ("a.tgz", link(tarfile.LNKTYPE, "../x"), "'a.csv' is a link"),
    "device": ("a.tgz", link(tarfile.BLKTYPE, ""), "'a.csv' is neither file nor folder"),
    "pipe": ("a.tgz", link(tarfile.FIFOTYPE, ""), "'a.csv' is neither file nor folder"),
    "link in a zip": ("a.zip", zip_link, "'a.csv' is a link"),
    "encrypted": ("a.zip", set_flag, "'a.csv' is encrypted"),
    "twice": ("a.tar", repeated, "holds 'a.csv' more than once"),
    "not there": ("a.zip", lambda p: make(p, {"b.csv": b""}), "holds no 'a.csv': it is another archive"),
    "a folder instead": ("a.zip", lambda p: make(p, {"a.csv/": b""}), "holds no 'a.csv'"),
    "long name": ("a.tar.gz", long_name, "damaged or cut off"),
    "empty": ("a.tar", lambda p: p.write_bytes(b""), "damaged or cut off"),
    "no tar": ("a.tar.gz", lambda p: p.write_bytes(gzip.compress(b"x" * 2000)), "damaged or cut off"),
    "no gzip": ("a.tar.gz", lambda p: p.write_bytes(b"x" * 2000), "damaged or cut off"),
    "no bz2": ("a.tar.bz2", lambda p: p.write_bytes(b"x" * 2000), "damaged or cut off"),
    "no xz": ("a.tar.xz", lambda p: p.write_bytes(b"x" * 2000), "damaged or cut off"),
    "no zip": ("a.zip", lambda p: p.write_bytes(b"x" * 2000), "damaged or cut off"),
    "cut tar.gz": ("a.tar.gz", cut, "damaged or cut off"),
    "cut tar": ("a.tar", lambda p: p.write_bytes(make(p, {"a.csv": b"x" * 5000}).read_bytes()[:3000]), "damaged or cut off"),
    "cut zip": ("a.zip", cut, "damaged or cut off"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refused(tmp_path: Path, case: str) -> None:
    name, tamper, message = BAD[case]
    (tmp_path / "raw").mkdir()
    tamper(tmp_path / name)
    with pytest.raises(DownloadError, match=message) as caught:
        unpack(tmp_path / name, {"a.csv": "a.csv"}, tmp_path / "raw")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "raw").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "raw"])


def test_links_that_nobody_wants_are_left(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("latest")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(info)
        tar.addfile(tarfile.TarInfo("a.csv"))
    (tmp_path / "raw").mkdir()
    unpack(tmp_path / "a.tar", {"a.csv": "a.csv"}, tmp_path / "raw")
    assert list(contents(tmp_path / "raw")) == ["a.csv"]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
@pytest.mark.parametrize("wanted", ["a.csv", "b.csv"])
def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, wanted: str) -> None:
    monkeypatch.setattr(module, "_ALWAYS", 1 << 16)
    make(tmp_path / name, {"a.csv": bytes(1 << 23), "b.csv": b"x"})
    (tmp_path / "raw").mkdir()
    with pytest.raises(DownloadError, match=r"unpacks to more than [0-9,]+ bytes"):
        unpack(tmp_path / name, {wanted: "a.csv"}, tmp_path / "raw")
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_bomb_that_lies_about_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ALWAYS", 1 << 16)
    path = make(tmp_path / "a.zip", {"a.csv": bytes(1 << 23)})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 1 << 23), struct.pack("<I", 1000)))
    (tmp_path / "raw").mkdir()
    with pytest.raises(DownloadError, match=r"damaged or cut off|unpacks to more"):
        unpack(path, {"a.csv": "a.csv"}, tmp_path / "raw")
    assert list((tmp_path / "raw").iterdir()) == []


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_MEMBERS", 2)
    (tmp_path / "raw").mkdir()
    with pytest.raises(DownloadError, match="holds more than 2 members"):
        unpack(make(tmp_path / "a.tar", FILES), {"a.csv": "a.csv"}, tmp_path / "raw")


def test_what_is_there(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.zip", FILES)
    (tmp_path / "raw" / "t").mkdir(parents=True)
    (tmp_path / "raw" / "a.csv").write_bytes(b"old")
    with pytest.raises(DownloadError, match=r"raw/t is there already; remove it"):
        unpack(archive, {"a.csv": "a.csv", "tree/": "t/"}, tmp_path / "raw")
    assert contents(tmp_path / "raw") == {"a.csv": b"old"}
    unpack(archive, {"a.csv": "a.csv"}, tmp_path / "raw")
    assert contents(tmp_path / "raw") == {"a.csv": FILES["top/a.csv"]}


PACK: dict[str, Callable[[bytes], bytes]] = {
    "a.zip": bytes,
    "a.tar": bytes,
    "a.tar.gz": gzip.compress,
    "a.tar.bz2": bz2.compress,
    "a.tar.xz": lzma.compress,
}


def test_a_zip_whose_offsets_lead_before_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    content = bytearray(make(tmp_path / "a.zip", {"a.csv": b"1,2\n" * 20}).read_bytes())
    at = content.rindex(b"PK\x05\x06") + 16  # where the directory begins, in the record at the end
    struct.pack_into("<I", content, at, struct.unpack_from("<I", content, at)[0] + 5)
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DownloadError, match=r"^a\.zip is damaged or cut off"):
        unpack(tmp_path / "a.zip", {"a.csv": "a.csv"}, tmp_path / "raw")
    assert contents(tmp_path / "raw") == {}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(PACK)), data=st.data())
def test_damage_anywhere(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    """Whatever bytes change, there is one error or the members that are wanted, and never another exception."""
    folder = tmp_path_factory.mktemp("unpack")
    (folder / "raw").mkdir()
    inner = "a.zip" if name == "a.zip" else "a.tar"
    content = bytearray(make(folder / inner, FILES).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(len(content), 3000) - 1))
        content[at] = data.draw(st.integers(0, 255))
    (folder / name).write_bytes(PACK[name](bytes(content)))
    try:
        unpack(folder / name, {"a.csv": "a.csv"}, folder / "raw")
        message = None
    except DownloadError as error:
        message = str(error)
    assert "\n" not in (message or "")
    assert list(contents(folder / "raw")) == (["a.csv"] if message is None else [])
