"""A contract as a list of checks, each of which says what it asks for and how to keep it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from unittest import SkipTest

import torch

from hetmusic.errors import EnvironmentProblem, UserError

C = TypeVar("C")

_TORCH = Path(torch.__file__).parent


class ContractError(AssertionError):
    """A plug-in breaks its contract; the message says what happened, what is asked for and how to fix it."""


class Violation(Exception):
    """Raised inside a check: what was found."""


def require(condition: object, found: str) -> None:
    """Raise a :class:`Violation` that says ``found`` unless the condition holds."""
    if not condition:
        raise Violation(found)


@dataclass(frozen=True)
class Check(Generic[C]):
    """One point of a contract.

    Calling it with a case raises :class:`ContractError` if the case breaks it, and :class:`unittest.SkipTest` (which
    pytest shows as skipped) where it cannot be tested, also because the installation lacks something.
    """

    name: str
    #: what is asked for
    rule: str
    #: how to keep it
    fix: str
    run: Callable[[C], None]

    def __call__(self, case: C) -> None:
        """Run the check."""
        try:
            self.run(case)
        except (ContractError, SkipTest):
            raise
        except EnvironmentProblem as problem:
            raise SkipTest(str(problem)) from None
        except UserError as problem:  # says itself what is wrong, and what to do
            raise ContractError(str(problem)) from problem
        except Violation as problem:
            raise ContractError(self._explain(case, str(problem))) from None
        except Exception as problem:
            line = _line_of(problem)
            reason = f"{type(problem).__name__}: {problem}{line}"
            raise ContractError(self._explain(case, reason)) from problem

    def _explain(self, case: C, found: str) -> str:
        return f"{case}: {found}. The contract: {self.rule}. To fix it: {self.fix}."


class Contract(Generic[C]):
    """The checks of one kind of plug-in, in order.

    :param kind: what is checked, for messages.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.checks: dict[str, Check[C]] = {}

    def sort(self, modules: Sequence[str]) -> None:
        """Put the checks in the order of the modules that they are defined in."""
        self.checks = dict(
            sorted(self.checks.items(), key=lambda item: modules.index(item[1].run.__module__))
        )

    def check(self, rule: str, fix: str) -> Callable[[Callable[[C], None]], Check[C]]:
        """Decorator that makes a function a check, named like the function.

        :param rule: what is asked for.
        :param fix: how to keep it.
        """

        def add(run: Callable[[C], None]) -> Check[C]:
            name = run.__name__
            if name in self.checks:
                raise ValueError(f"there are two checks {name!r} of a {self.kind}")
            self.checks[name] = Check(name, rule, fix, run)
            return self.checks[name]

        return add


def _line_of(problem: BaseException) -> str:
    """Where an error was raised, the insides of torch left out, for a message of one line."""
    own = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if _TORCH not in Path(frame.filename).parents
    ]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
