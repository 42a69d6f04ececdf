"""The contract of relation encoders: the list that the checks register themselves in."""

from __future__ import annotations

from hetmusic.testing.contract import Contract
from hetmusic.testing.encoder_case import EncoderCase

encoder_contract: Contract[EncoderCase] = Contract("relation encoder")
