"""Models against each other on the same splits: cells are run where they are missing, then summarised."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hetmusic._io import explaining_failed_write, locked, read_json, write_json
from hetmusic._version import __version__
from hetmusic.errors import ConfigError, RunError, SplitError, did_you_mean
from hetmusic.experiments.cells import Cell, CellFailure, CellResult, complete_settings
from hetmusic.experiments.models import check_modalities, check_relations
from hetmusic.experiments.problems import SplitChoice, identify_graph, identify_split
from hetmusic.experiments.running import Execute, in_own_process, run_missing
from hetmusic.experiments.summary import Row, Summary, summarise
from hetmusic.experiments.worker import Request
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import Split

COMPARISON_FILE = "comparison.json"
FORMAT_VERSION = 1

#: told about a cell: row, seed, its result or what went wrong, and whether it was run now
OnCell = Callable[[str, int, "CellResult | CellFailure", bool], None]


@dataclass(frozen=True)
class Protocol:
    """How every model is trained and judged."""

    split: SplitChoice
    #: each gives a split, if splits are drawn, and the model's draws
    seeds: tuple[int, ...]
    metric: str = "ndcg@10"
    mask: str = "train+valid"
    ks: tuple[int, ...] = (5, 10, 20, 50)

    def __post_init__(self) -> None:
        name, _, k = self.metric.partition("@")
        if int(k) not in self.ks:
            raise ConfigError(f"metric {name}@{k} needs {k} among the lengths of the lists, {list(self.ks)}")


@dataclass(frozen=True)
class Entry:
    """A row of the table: a model with settings, perhaps on a control instead of the real graph."""

    label: str
    model: str
    #: settings that differ from the defaults, nested
    settings: dict[str, Any] = field(default_factory=dict)
    #: where they come from, for the table
    source: str = "defaults"
    control: str | None = None
    #: why there is nothing to run
    reason: str | None = None


def compare(
    graph: MusicGraph,
    entries: Sequence[Entry],
    protocol: Protocol,
    out: Path | str,
    *,
    kind: str = "comparison",
    reference: str | None = None,
    on_cell: OnCell | None = None,
    execute: Execute | None = None,
) -> Summary:
    """Fit, validate and test every entry for every seed; cells that ``out`` has already are not run again.

    :param out: folder of the comparison.
    :param kind: what the folder is of, ``comparison`` or ``ablation``.
    :param execute: runs a cell; None does it in a process of its own.
    :param reference: label of the row that all others are tested against; None takes the best on validation.
    :raises UserError: for an unknown model, setting or reference, a split that cannot be used, or a folder that holds
        something else or the comparison of another graph; before anything runs.
    """
    out = Path(out)
    labels = [entry.label for entry in entries]
    check_labels(labels, reference)
    settings = [None if entry.reason else _settings(entry, graph) for entry in entries]
    splits = make_splits(graph, protocol)
    open_folder(out, kind, graph)
    with locked(out):
        places = [_store(out, split) for split in splits]
        requests = []
        for seed, split, place in zip(protocol.seeds, splits, places, strict=True):
            for entry, complete in zip(entries, settings, strict=True):
                if complete is not None:
                    cell = _cell(graph, entry, complete, protocol, seed, split)
                    request = Request(
                        cell=cell,
                        graph=graph.path.resolve(),
                        split=place,
                        out=out.resolve() / "cells" / cell.folder_name,
                        sys_path=sys.path,
                    )
                    requests.append((entry.label, request))
        rows = _run(entries, requests, out, on_cell, execute or in_own_process)
        summary = summarise(rows, reference, _about(graph, protocol, kind))
        summary.save(out)
    return summary


def open_folder(out: Path, kind: str, graph: MusicGraph) -> None:
    """Make the folder of a comparison, or check that it is one of the same graph.

    :raises RunError: if it is not.
    """
    path, identity = out / COMPARISON_FILE, identify_graph(graph)
    if path.is_file():
        stored = read_json(path, RunError)
        version = stored.get("format_version") if isinstance(stored, dict) else None
        if version != FORMAT_VERSION:
            raise RunError(f"{path}: field format_version is {version}, this hetmusic reads {FORMAT_VERSION}")
        if stored.get("kind") != kind:
            raise RunError(
                f"{out} holds the results of another command ({stored.get('kind')}); choose another --out"
            )
        old = stored.get("graph", {})
        if old.get("checksum") != identity["checksum"]:
            raise RunError(
                f"{out} was made with another graph: {old.get('name')} {str(old.get('checksum'))[:8]}, "
                f"not {identity['name']} {identity['checksum'][:8]}; choose another --out"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} is not empty and holds no {kind}; choose another --out")
    with explaining_failed_write(out):
        out.mkdir(parents=True, exist_ok=True)
    write_json(
        path, {"format_version": FORMAT_VERSION, "hetmusic": __version__, "kind": kind, "graph": identity}
    )


def check_labels(labels: Sequence[str], reference: str | None) -> None:
    """Refuse rows of the same name, and a reference that is none of them.

    :raises ConfigError: naming it.
    """
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise ConfigError(f"{twice[0]!r} is named twice")
    if reference is not None and reference not in labels:
        raise ConfigError(f"reference {reference!r} is not compared{did_you_mean(reference, labels)}")


def _settings(entry: Entry, graph: MusicGraph) -> dict[str, Any]:
    complete = complete_settings(entry.model, entry.settings)
    check_modalities(entry.model, complete, graph)
    check_relations(entry.model, entry.settings, graph)
    return complete


def make_splits(graph: MusicGraph, protocol: Protocol) -> list[Split]:
    """The split of every seed.

    :raises SplitError: if the graph cannot be divided so, or a part is empty.
    """
    splits = [protocol.split.make(graph, seed) for seed in protocol.seeds]
    if not all(split.counts["test"] for split in splits):
        raise SplitError(
            f"the split ({protocol.split}) has no test interactions, so nothing can be compared on it"
        )
    return splits


def _store(out: Path, split: Split) -> Path:
    folder = out.resolve() / "splits" / identify_split(split)[:12]
    if not (folder / "split.json").is_file():
        split.save(folder)
    return folder


def _cell(
    graph: MusicGraph, entry: Entry, complete: dict[str, Any], protocol: Protocol, seed: int, split: Split
) -> Cell:
    identity = identify_graph(graph)
    return Cell(
        model=entry.model,
        settings=complete,
        given=entry.settings,
        seed=seed,
        control=entry.control,
        graph=identity["checksum"],
        features=identity["features"],
        split=identify_split(split),
        metric=protocol.metric,
        mask=protocol.mask,
        ks=sorted(protocol.ks),
    )


def _run(
    entries: Sequence[Entry],
    requests: Sequence[tuple[str, Request]],
    out: Path,
    on_cell: OnCell | None,
    execute: Execute,
) -> list[Row]:
    results: dict[str, dict[int, CellResult]] = {entry.label: {} for entry in entries}
    failures: dict[str, dict[int, str]] = {entry.label: {} for entry in entries}
    outcomes = run_missing([request for _, request in requests], out / "failures", execute)
    for (label, request), (result, is_new) in zip(requests, outcomes, strict=True):
        seed = request.cell.seed
        if isinstance(result, CellResult):
            results[label][seed] = result
        else:
            failures[label][seed] = result.reason
        if on_cell is not None:
            on_cell(label, seed, result, is_new)
    return [Row(e.label, e.model, e.source, results[e.label], failures[e.label], e.reason) for e in entries]


def _about(graph: MusicGraph, protocol: Protocol, kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "hetmusic": __version__,
        "graph": identify_graph(graph),
        "split": str(protocol.split),
        "split_is_drawn": protocol.split.is_drawn,
        "seeds": list(protocol.seeds),
        "metric": protocol.metric,
        "mask": protocol.mask,
        "ks": sorted(protocol.ks),
    }
