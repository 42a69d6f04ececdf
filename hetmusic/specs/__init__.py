"""Specifications of one's own tables: a first one guessed from the files, and everything that is wrong with one."""

from __future__ import annotations

from hetmusic.specs.check import CheckReport, SpecProblem, check_spec
from hetmusic.specs.init import InitReport, init_spec, write_spec

__all__ = ["CheckReport", "InitReport", "SpecProblem", "check_spec", "init_spec", "write_spec"]
