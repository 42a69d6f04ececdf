"""What one may choose about figures."""

from __future__ import annotations

from dataclasses import dataclass

from hetmusic.errors import ConfigError


@dataclass(frozen=True)
class ReportSettings:
    """Choices that change what figures show.

    :raises ConfigError: for a number that is too small.
    """

    #: clusters of items; None takes 10, or fewer of few items
    clusters: int | None = None
    #: groups of users; None finds a number between 3 and 8 (:mod:`hetmusic.report.groups`)
    groups: int | None = None
    #: length of the lists that are looked at, where a figure does not show several lengths
    k: int = 10
    #: above so many items t-SNE draws a sample
    max_points: int = 20_000
    #: of k-means, t-SNE, samples and the bootstrap
    seed: int = 0
    #: keep what is expensive with the run, or in the cache folder
    cache: bool = True

    def __post_init__(self) -> None:
        least = {"clusters": 1, "groups": 1, "k": 1, "max_points": 10, "seed": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise ConfigError(f"{name} is {value}, but must be at least {bound}")
