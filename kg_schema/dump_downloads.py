"""What has to be downloaded for a dump: where it is, how to know that it arrived whole, and what is inside."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, model_validator

from kg_schema.dump_files import check_inside
from kg_schema.models import SpecModel, mistake

#: suffixes of archives that can be unpacked
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def _same_names(value: Any) -> Any:
    """Let a list of members stand for members that keep their names."""
    if isinstance(value, str):
        value = [value]
    return {member: member for member in value} if isinstance(value, list) else value


class Download(SpecModel):
    """One file of the public data set, as its publisher offers it."""

    #: the public address; without it ``page`` and ``note`` say how a person gets the file
    url: str | None = None
    #: what to call it in the raw folder; by default as in the address
    name: str = ""
    #: where a person finds it
    page: str = ""
    #: what a person has to know or to do
    note: str = ""
    #: bytes
    size: int | None = Field(default=None, ge=0)
    #: checksums as the publisher gives them
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    md5: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    #: member of the archive -> where it goes in the raw folder; a folder ends with ``/``. Text files that are alone in
    #: their archive stay packed, since they are read so
    unpack: Annotated[dict[str, str], BeforeValidator(_same_names)] = Field(default_factory=dict)
    #: whether the dump is complete without it
    optional: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Download:
        if self.url is None and not self.page:
            raise mistake("give the `url`, or the `page` where people find the file")
        if self.url is not None and (urlsplit(self.url).scheme not in ("http", "https") or not self.host):
            raise mistake("an address begins with http:// or https:// and names a host", "url")
        if not self.file:
            raise mistake("what is the file called? the address does not say so", "name")
        check_inside(self.file, "name")
        if "/" in self.file:
            raise mistake("a download has a plain name, without folder", "name")
        if self.unpack and not self.file.lower().endswith(ARCHIVES):
            raise mistake(f"only {', '.join(ARCHIVES)} can be unpacked", "unpack")
        for member, place in self.unpack.items():
            check_inside(member, "unpack", member)
            check_inside(place, "unpack", member)
            if member.endswith("/") != place.endswith("/"):
                raise mistake(
                    "a folder goes into a folder: both end with '/' or neither does", "unpack", member
                )
        return self

    @property
    def host(self) -> str:
        """The host of the address, empty without one."""
        return urlsplit(self.url or "").hostname or ""

    @property
    def file(self) -> str:
        """Its name in the raw folder."""
        return self.name or unquote(PurePosixPath(urlsplit(self.url or "").path).name)

    @property
    def gives(self) -> list[str]:
        """What lies in the raw folder once it has been fetched: files, and folders with ``/`` at the end."""
        return list(self.unpack.values()) or [self.file]
