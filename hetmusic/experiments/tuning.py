"""Searching a model's settings on validation interactions: seeded, resumable, time-boxed."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hetmusic._io import explaining_failed_write, locked
from hetmusic._toml import merge, parse_override, value_at
from hetmusic._version import __version__
from hetmusic.errors import ConfigError, RunError, UserError
from hetmusic.experiments.journal import JOURNAL_FILE, Journal, Trial, best_of
from hetmusic.experiments.mmgnn import nested
from hetmusic.experiments.models import check_model, is_mmgnn, make_model, with_implied
from hetmusic.experiments.plugin_arguments import required_arguments
from hetmusic.experiments.problems import identify_graph, identify_split
from hetmusic.experiments.space import Space, load_space
from hetmusic.experiments.study_files import check_same, read_study, write_study
from hetmusic.rivals import Problem

logger = logging.getLogger(__name__)

#: trials before the pruner judges any, and validations before it judges a trial
_PRUNER_STARTUP, _PRUNER_WARMUP = 5, 5

#: told about every trial that has ended, and the best one so far
OnTrial = Callable[[Trial, "Trial | None"], None]


@dataclass(frozen=True)
class StudyPlan:
    """What a study searches, and how. Two studies with equal plans have equal trials."""

    model: str
    space: Space
    #: settings that stay as they are, nested
    fixed: dict[str, Any] = field(default_factory=dict)
    #: of the sampler and of every fit
    seed: int = 0

    def __post_init__(self) -> None:
        if is_mmgnn(self.model):
            object.__setattr__(self, "space", self.space.with_plugin_conditions())

    @property
    def first_values(self) -> dict[str, Any]:
        """Where settings begin that have no default: arguments that a plug-in must be given."""
        if not is_mmgnn(self.model):
            return {}
        return required_arguments(
            self.space.dimensions, make_model(self.model, self.fixed).complete_settings()
        )

    def check(self) -> None:
        """Refuse a model, setting or value that does not exist, before anything runs.

        :raises ConfigError: naming it.
        """
        given = {**self.fixed, **self.first_values}
        check_model(self.model, given)
        self.space.check(self.model, given)


@dataclass(frozen=True)
class Budget:
    """How long a study may be, over all the times that it is resumed."""

    trials: int
    #: no trial starts once all together have taken this long; None is no limit
    minutes: float | None = None

    def allows(self, journal: Journal) -> bool:
        """Whether another trial may start; the first one always may."""
        in_time = self.minutes is None or journal.seconds < 60 * self.minutes or not journal.trials
        return in_time and len(journal.trials) < self.trials


def tune(
    problem: Problem, plan: StudyPlan, budget: Budget, out: Path | str, on_trial: OnTrial | None = None
) -> list[Trial]:
    """Run a study, or go on with one.

    The sampler of every trial is seeded with (seed, number of the trial) and knows nothing but the journal, so a study
    that was stopped at any moment goes on exactly as one that was not. Trial 0 has the model's defaults.

    :param out: folder of the study.
    :return: all trials.
    :raises ConfigError: if there is nothing to search.
    :raises RunError: if the folder holds a study with another model, graph, split, metric, seed or space.
    :raises UserError: if the model's defaults cannot be fitted on this graph.
    """
    out = Path(out)
    plan.check()
    if not plan.space.dimensions:
        raise ConfigError(f"{plan.space.source}: every setting in it is fixed, so there is nothing to search")
    identity = _identity(problem, plan)
    stored = read_study(out)
    if stored is not None:
        check_same(out, stored, identity)
    elif out.exists() and any(out.iterdir()):
        raise RunError(f"{out} is not empty and holds no study; choose another --out")
    made = not out.exists()
    with explaining_failed_write(out):
        out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        journal = Journal(out / JOURNAL_FILE)
        limits = {"trials": budget.trials, "minutes": budget.minutes}
        write_study(out, identity, limits, journal.trials)
        try:
            while budget.allows(journal):
                with _warning_once(len(journal.trials)):
                    trial = _run(problem, plan, journal.trials)
                journal.append(trial)
                write_study(out, identity, limits, journal.trials)
                if on_trial is not None:
                    on_trial(trial, best_of(journal.trials))
        except BaseException:
            if made and not journal.trials:  # nothing that could be gone on with
                shutil.rmtree(out, ignore_errors=True)
            raise
    return journal.trials


def _identity(problem: Problem, plan: StudyPlan) -> dict[str, Any]:
    settings = {key: value for key, value in problem.split.info.items() if key not in ("sha256", "columns")}
    return {
        "model": plan.model,
        "graph": identify_graph(problem.graph),
        "split": {
            "description": ", ".join(f"{key} {value}" for key, value in settings.items()),
            "sha256": identify_split(problem.split),
        },
        "metric": problem.metric,
        "seed": plan.seed,
        "fixed": with_implied(plan.model, plan.fixed),
        "space": plan.space.to_dict(),
        "hetmusic": __version__,
    }


def _run(problem: Problem, plan: StudyPlan, past: list[Trial]) -> Trial:
    number = len(past)
    suggestion = _defaults(plan) if number == 0 else _suggest(plan, past)
    chosen = {"number": number, "params": suggestion.params, "settings": suggestion.settings}
    for old in past:
        if old.settings == suggestion.settings:  # the same seed would give the same again
            return old.model_copy(update={**chosen, "seconds": 0.0})
    return _fit(problem, plan, suggestion, chosen)


def _fit(problem: Problem, plan: StudyPlan, suggestion: _Suggestion, chosen: dict[str, Any]) -> Trial:
    steps: list[float] = []

    def report(step: int, value: float) -> None:
        steps.append(value)
        if suggestion.should_stop(len(steps) - 1, value):
            raise _Pruned

    started = time.perf_counter()
    outcome: dict[str, Any]
    try:
        model = make_model(plan.model, merge(plan.fixed, nested(suggestion.settings)))
        fitted = model.fit(problem, seed=plan.seed, report=report)
        outcome = {"state": "complete", "value": fitted.valid, "info": fitted.info}
    except _Pruned:
        outcome = {"state": "pruned"}
    except (UserError, ArithmeticError, MemoryError, np.linalg.LinAlgError, RuntimeError) as reason:
        if chosen["number"] == 0:
            raise
        outcome = {
            "state": "failed",
            "error": f"{type(reason).__name__}: {' '.join(str(reason).split())}",
            "trace": getattr(reason, "trace", ""),
        }
    # 0 is for settings that were tried before
    seconds = max(round(time.perf_counter() - started, 3), 0.001)
    return Trial(**chosen, **outcome, steps=steps, seconds=seconds)


class _Pruned(Exception):
    """Ends a fit that is worse than most were at the same time."""


@dataclass(frozen=True)
class _Suggestion:
    params: dict[str, float]
    settings: dict[str, Any]
    #: told a validation's number and value, says whether to go on
    should_stop: Callable[[int, float], bool]


def _defaults(plan: StudyPlan) -> _Suggestion:
    """The model's defaults, as far as TOML and the search space can express them."""
    complete, first = make_model(plan.model, plan.fixed).complete_settings(), plan.first_values
    params: dict[str, float] = {}
    settings: dict[str, Any] = {}
    for key, dimension in plan.space.dimensions.items():
        value = first.get(key, value_at(complete, key))
        if value is not None and dimension.counts(settings):
            settings[key] = value
            encoded = dimension.encode(value)
            if encoded is not None:
                params[key] = encoded
    return _Suggestion(params, settings, lambda step, value: False)


def _suggest(plan: StudyPlan, past: list[Trial]) -> _Suggestion:
    """Ask a sampler that has seen all past trials."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seed = int(np.random.SeedSequence([plan.seed, len(past)]).generate_state(1)[0])
    # trials that lack a setting (defaults outside the space) are only understood one setting at a time
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False)
    pruner = optuna.pruners.MedianPruner(_PRUNER_STARTUP, _PRUNER_WARMUP)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    distributions = {key: dimension.distribution() for key, dimension in plan.space.dimensions.items()}
    study.add_trials([_as_optuna(trial, distributions) for trial in past])
    asked = study.ask()
    params: dict[str, float] = {}
    settings: dict[str, Any] = {}
    for key, dimension in plan.space.dimensions.items():
        if dimension.counts(settings):
            params[key] = dimension.suggest(asked, key)
            settings[key] = dimension.decode(params[key])

    def should_stop(step: int, value: float) -> bool:
        asked.report(value, step)
        return bool(asked.should_prune())

    return _Suggestion(params, settings, should_stop)


def _as_optuna(trial: Trial, distributions: Mapping[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial

    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    return create_trial(
        state=states[trial.state],
        value=trial.value,
        params=dict(trial.params),
        distributions={key: distributions[key] for key in trial.params},
        intermediate_values=dict(enumerate(trial.steps)),
    )


@contextlib.contextmanager
def _warning_once(number: int) -> Iterator[None]:
    """What is said about the graph in the first trial need not be said in every one."""
    package = logging.getLogger("hetmusic")
    level = package.level
    try:
        if number > 0:
            package.setLevel(logging.ERROR)
        yield
    finally:
        package.setLevel(level)


def plan_study(model: str, space_file: Path | None, fixed: Mapping[str, Any], seed: int) -> StudyPlan:
    """Put a plan together; settings that are fixed are not searched.

    :param space_file: None takes the search space that comes with the model.
    :raises ConfigError: for a model, space, setting or value that does not exist.
    """
    settings = with_implied(model, fixed)
    space = load_space(model, space_file)
    if is_mmgnn(model):  # before anything is fixed: a choice that is fixed may take none of them
        space = space.with_plugin_conditions()
    plan = StudyPlan(model, space.without(settings), settings, seed)
    plan.check()
    return plan


def settings_from(overrides: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` texts as nested settings, later ones winning."""
    settings: dict[str, Any] = {}
    for text in overrides:
        settings = merge(settings, parse_override(text))
    return settings
