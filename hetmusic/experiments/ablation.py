"""Table 3 of the MM-GNN paper: the full model, the model without each component, and with each control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hetmusic._toml import merge, parse_override, read_toml
from hetmusic.errors import ConfigError
from hetmusic.experiments.comparison import Entry
from hetmusic.experiments.components import removals
from hetmusic.experiments.controls import ControlledGraph, missing_for
from hetmusic.experiments.mmgnn import nested
from hetmusic.experiments.models import check_model, make_model, with_implied
from hetmusic.graph import MusicGraph
from hetmusic.models.plugin_spec import at_key
from hetmusic.training.config import FitConfig

#: label of the model with everything
FULL = "full"


def variants(
    graph: MusicGraph,
    settings: Mapping[str, Any],
    without: Sequence[str],
    controls: Sequence[str],
    source: str = "defaults",
) -> list[Entry]:
    """The rows of an ablation.

    :param settings: of the full model, with ``preset``.
    :param without: components, see :func:`~hetmusic.experiments.components.removals`.
    :param controls: see :class:`~hetmusic.experiments.controls.ControlledGraph`.
    :raises ConfigError: for a component or control that does not exist, or if there is none.
    """
    if not without and not controls:
        raise ConfigError("nothing to compare the full model with: give --without or --controls")
    given = with_implied("mmgnn", settings)
    config: FitConfig = make_model("mmgnn", given).settings
    entries = [Entry(FULL, "mmgnn", given, source)]
    for removal in removals(graph, config, without):
        label, changed = f"without {removal.component}", removal.apply(given)
        entries.append(Entry(label, "mmgnn", changed, source, reason=removal.reason))
    for control in dict.fromkeys(controls):
        lacking = missing_for(graph, control)
        if lacking is None:
            ControlledGraph(graph, [control])  # refuses what does not exist
        reason = None if lacking is None else f"not in this graph: {lacking}"
        entries.append(Entry(control, "mmgnn", given, source, control, reason))
    return entries


def full_settings(preset: str, file: Path | None, overrides: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Settings of the full model, nested, and where they come from.

    :param file: TOML file on top of the preset; its own ``preset`` wins over the default one.
    :param overrides: ``section.key=value`` on top of both.
    :raises ConfigError: for a preset, key or value that does not exist, naming the file or override it stands in.
    """
    given = {} if file is None else read_toml(file)
    if preset != "default" or "preset" not in given:
        given = {**given, "preset": preset}
    source = f"preset {given['preset']}" if file is None else file.name
    settings = nested(given)
    _check(settings, str(file or source))
    for text in overrides:
        settings = merge(settings, parse_override(text))
        _check(settings, f"--set {text}")
    return settings, f"{source}, --set" if overrides else source


def _check(settings: dict[str, Any], source: str) -> None:
    with at_key(source):
        check_model("mmgnn", settings)
