"""The test kit that the author of a plug-in runs too."""

from __future__ import annotations

from hetmusic.testing.contract import Check, Contract, ContractError
from hetmusic.testing.encoder_case import EncoderCase, Sample
from hetmusic.testing.encoder_contract import encoder_contract
from hetmusic.testing.encoder_cost import Cost, measure_cost
from hetmusic.testing.encoder_tests import RelationEncoderTests

__all__ = [
    "Check",
    "Contract",
    "ContractError",
    "Cost",
    "EncoderCase",
    "RelationEncoderTests",
    "Sample",
    "encoder_contract",
    "measure_cost",
]
