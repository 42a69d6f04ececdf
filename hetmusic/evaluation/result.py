"""What an evaluation found: averages, and the value of every user behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hetmusic._io import replacing_file, write_json

#: averages and protocol, JSON
METRICS_FILE = "metrics.json"
#: one row a user, one column a metric, parquet
PER_USER_FILE = "per_user.parquet"


@dataclass(frozen=True)
class Evaluation:
    """The result of one evaluation, with the protocol that it followed."""

    #: averages over the evaluated users by metric and cutoff, e.g. ``{"ndcg@10": 0.21}``; coverage as it is
    values: dict[str, float]
    #: float64 per evaluated user, aligned with :attr:`users`; without coverage, which no single user has
    per_user: dict[str, NDArray[np.float64]]
    #: indices of the evaluated users, ascending, shape ``(num_users,)``
    users: NDArray[np.int64]
    #: the part of the split that was to be found, e.g. ``"test"``
    part: str
    #: the parts whose items were left out of the ranking, e.g. ``"train+valid"``
    mask: str
    #: size of the ranked catalogue (before masking)
    num_items: int

    def __getitem__(self, key: str) -> float:
        return self.values[key]

    def to_dict(self) -> dict[str, Any]:
        """The averages under their keys and, under ``"protocol"``, how they came about; ready for JSON."""
        protocol = {
            "part": self.part,
            "mask": self.mask,
            "num_users": len(self.users),
            "num_items": self.num_items,
        }
        return {**self.values, "protocol": protocol}

    def save(self, folder: Path | str, user_keys: Sequence[str] | None = None) -> None:
        """Write ``metrics.json`` and ``per_user.parquet`` into a folder, each atomically.

        :param user_keys: original id of every user index; adds a column ``key``.
        :raises UserError: if the folder cannot be written.
        """
        import polars as pl

        columns: dict[str, Any] = {"user": self.users.astype(np.int32)}
        if user_keys is not None:
            columns["key"] = [user_keys[user] for user in self.users]
        with replacing_file(Path(folder) / PER_USER_FILE) as temporary:
            pl.DataFrame({**columns, **self.per_user}).write_parquet(temporary)
        write_json(Path(folder) / METRICS_FILE, self.to_dict())
