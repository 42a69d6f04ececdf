"""The test kit: a class that the tests of an encoder inherit from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from hetmusic.testing import encoder_devices, encoder_edges, encoder_module, encoder_values
from hetmusic.testing.contract import Check
from hetmusic.testing.encoder_case import EncoderCase
from hetmusic.testing.encoder_contract import encoder_contract

# the modules whose import fills the contract, in the order in which one wants to know
encoder_contract.sort([m.__name__ for m in (encoder_values, encoder_edges, encoder_module, encoder_devices)])


class RelationEncoderTests:
    """Tests of one relation encoder; pytest runs those of every subclass.

    ::

        class TestDecay(RelationEncoderTests):
            encoder = Decay
            arguments = {"rate": 0.2}

    ``hetmusic check my_pkg.enc:Decay`` runs the same checks from the command line.
    """

    #: name, ``"module:Class"``, class or instance
    encoder: ClassVar[Any]
    #: of the constructor, beside ``dim``
    arguments: ClassVar[Mapping[str, Any]] = {}
    #: size of the representations
    dim: ClassVar[int] = 8

    @property
    def case(self) -> EncoderCase:
        """What is checked."""
        if not hasattr(self, "encoder"):
            raise TypeError(
                f"{type(self).__name__} does not say what it tests: encoder = Decay, or 'my_pkg.enc:Decay'"
            )
        return EncoderCase(self.encoder, self.arguments, self.dim)


def _test(check: Check[EncoderCase]) -> Callable[[RelationEncoderTests], None]:
    def run(self: RelationEncoderTests) -> None:
        check(self.case)

    run.__name__ = f"test_{check.name}"
    run.__doc__ = f"{check.rule[0].upper()}{check.rule[1:]}."
    return run


for _check in encoder_contract.checks.values():
    setattr(RelationEncoderTests, f"test_{_check.name}", _test(_check))
