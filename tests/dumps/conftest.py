"""A web server for the tests of downloads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dumps.server import Server, serving


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found
