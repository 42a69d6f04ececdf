"""The rows of a comparison from what a person asks for: models, tuned studies, settings files, single settings."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from hetmusic._toml import merge, parse_override, read_toml
from hetmusic.errors import ConfigError, RunError, UserError, did_you_mean
from hetmusic.experiments.comparison import Entry, Protocol, make_splits, open_folder
from hetmusic.experiments.journal import Trial
from hetmusic.experiments.mmgnn import nested
from hetmusic.experiments.models import check_model, find_model, with_implied
from hetmusic.experiments.problems import identify_graph
from hetmusic.experiments.space import built_in
from hetmusic.experiments.study_files import BEST_FILE, STUDY_FILE, read_study
from hetmusic.experiments.tuning import Budget, StudyPlan, plan_study, tune
from hetmusic.graph import MusicGraph
from hetmusic.models.plugin_spec import at_key
from hetmusic.rivals import Problem

logger = logging.getLogger(__name__)

#: told about a trial: of which model, the trial, and the best one so far
OnTrialOf = Callable[[str, Trial, "Trial | None"], None]


@dataclass(frozen=True)
class Asked:
    """Rows, the models behind them, and where their settings come from; later ones win."""

    #: labels of the rows: names of models, or labels of one's own
    models: Sequence[str]
    #: folders of a study each, or of several
    tuned: tuple[Path, ...] = ()
    #: model -> TOML file, instead of the tuned settings
    files: Mapping[str, Path] = field(default_factory=dict)
    #: model -> settings on top, nested
    overrides: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    #: label -> model, for rows that are not called like their model
    labelled: Mapping[str, str] = field(default_factory=dict)

    def model_of(self, label: str) -> str:
        """The model of a row."""
        return self.labelled.get(label, label)

    @classmethod
    def parse(
        cls, models: Sequence[str], tuned: Sequence[Path], files: Sequence[str], overrides: Sequence[str]
    ) -> Asked:
        """Read the texts of a command line.

        :param models: ``MODEL`` or ``LABEL=MODEL`` each.
        :param files: ``MODEL=FILE`` each.
        :param overrides: ``MODEL.KEY=VALUE`` each.
        :raises ConfigError: for a text of another form, or a model that does not exist or is not compared.
        """
        labelled = dict(_label(text) for text in models if "=" in text)
        models = [text.partition("=")[0] for text in models]
        for model in models:
            find_model(labelled.get(model, model))
        paths: dict[str, Path] = {}
        for text in files:
            model, equals, path = text.partition("=")
            if not equals or not path:
                raise ConfigError(f"--settings {text!r} is not of the form MODEL=FILE")
            _require(model, models, f"--settings {text}")
            paths[model] = Path(path)
        settings: dict[str, dict[str, Any]] = {}
        for text in overrides:
            # names of custom models have dots themselves
            found = [model for model in models if text.startswith(f"{model}.")]
            head = max(found, key=len) if found else text.partition("=")[0].partition(".")[0]
            _require(head, models, f"--set {text}")
            settings[head] = merge(settings.get(head, {}), parse_override(text[len(head) + 1 :]))
        return cls(models, tuple(tuned), paths, settings, labelled)


def make_entries(graph: MusicGraph, asked: Asked) -> list[Entry]:
    """A row for each model, its settings checked.

    :raises ConfigError: for a setting that a model lacks, naming the file it stands in.
    :raises RunError: if the studies are of another graph.
    """
    studies = _studies(graph, asked)
    entries = []
    for label in asked.models:
        model = asked.model_of(label)
        settings: dict[str, Any] = {}
        source = "defaults"
        if label in asked.files:
            settings, source = read_toml(asked.files[label]), asked.files[label].name
        elif model in studies:
            settings, source = studies[model]
        over = asked.overrides.get(label, {})
        if over:
            source = f"{source}, --set"
        with at_key(str(asked.files.get(label, source))):
            settings = merge(nested(settings), nested(over))
            check_model(model, settings)
        entries.append(Entry(label, model, with_implied(model, settings), source))
    return entries


def find_studies(
    folder: Path, graph: MusicGraph, models: Sequence[str]
) -> dict[str, tuple[dict[str, Any], str]]:
    """The best settings of the studies in a folder, and where they come from, by model.

    :param folder: a study, or a folder of studies.
    :param models: those that settings are wanted for; a study of another one need not have a finished trial.
    :raises RunError: if there is no study, two are of the same model, one is of another graph, or a wanted one has no
        finished trial.
    """
    found: dict[str, tuple[dict[str, Any], str]] = {}
    met: set[str] = set()
    checksum = identify_graph(graph)["checksum"]
    for path in sorted([*folder.glob(STUDY_FILE), *folder.glob(f"*/{STUDY_FILE}")]):
        study = read_study(path.parent)
        assert study is not None
        model = str(study["model"])
        if study["graph"].get("checksum") != checksum:
            raise RunError(f"{path.parent} is a study on another graph ({study['graph'].get('name')})")
        if model in met:
            raise RunError(f"{folder} has two studies of {model}")
        met.add(model)
        if model not in models:
            continue
        if not (path.parent / BEST_FILE).is_file():
            raise RunError(
                f"{path.parent} has no finished trial yet, so there are no tuned settings of {model}"
            )
        count = sum(study.get("trials", {}).values())
        found[model] = (
            read_toml(path.parent / BEST_FILE),
            f"tuned, {count} {'trial' if count == 1 else 'trials'}",
        )
    if not met:
        raise RunError(f"{folder} holds no study")
    return found


def tune_all(
    graph: MusicGraph,
    asked: Asked,
    protocol: Protocol,
    budget: Budget,
    out: Path,
    on_trial: OnTrialOf,
) -> Asked:
    """Tune every model that has a search space and no settings of its own, on validation of the first seed's split.

    :param out: folder of the comparison; its ``tuning`` gets a study each, and those that are there are gone on with.
    :return: the same models, the studies among the tuned ones.
    :raises UserError: for a mistake in what is asked, before anything runs.
    """
    make_entries(graph, asked)
    problem = Problem(graph, make_splits(graph, protocol)[0], protocol.metric)
    given = {*asked.files, *_studies(graph, asked)}
    plans = []
    for model in asked.models:
        if model in given or model in asked.labelled:  # which take the settings that their model is tuned to
            continue
        if built_in(model) is not None:
            plans.append(plan_study(model, None, asked.overrides.get(model, {}), protocol.seeds[0]))
        elif find_model(model)[0].Settings.model_fields:
            logger.warning("no search space comes with model %s: it keeps its defaults", model)
    plans = [plan for plan in plans if plan.space.dimensions]  # of some, everything is fixed
    open_folder(out, "comparison", graph)
    studies = [_study(problem, plan, budget, out / "tuning", on_trial) for plan in plans]
    return replace(asked, tuned=(*asked.tuned, *(folder for folder in studies if folder is not None)))


def _study(
    problem: Problem, plan: StudyPlan, budget: Budget, folder: Path, on_trial: OnTrialOf
) -> Path | None:
    """Tune one model.

    :return: the folder of its study, or None if the model cannot be fitted on this graph.
    """
    out = folder / re.sub(r"[^A-Za-z0-9.]+", "-", plan.model)
    try:
        tune(problem, plan, budget, out, partial(on_trial, plan.model))
    except UserError as reason:
        if out.exists():  # it is the study that is wrong, not the model
            raise
        logger.warning("model %s is not tuned: %s", plan.model, reason)
        return None
    return out


def _studies(graph: MusicGraph, asked: Asked) -> dict[str, tuple[dict[str, Any], str]]:
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for folder in asked.tuned:
        found |= find_studies(folder, graph, [asked.model_of(label) for label in asked.models])
    return found


def _label(text: str) -> tuple[str, str]:
    """Read ``LABEL=MODEL``."""
    label, _, model = text.partition("=")
    if not label or not model:
        raise ConfigError(f"--models {text!r} is not of the form LABEL=MODEL")
    return label, model


def _require(model: str, models: Sequence[str], where: str) -> None:
    if model not in models:
        raise ConfigError(
            f"{where}: {model!r} is not compared{did_you_mean(model, models)}; compared are {', '.join(models)}"
        )
