# SPDX-License-Identifier: Apache-2.0
"""ECP5: products in logic, for the pairs that no multipliers are left for.

If a few multipliers are left, not enough for a pair, they make both products of the first rows (:class:`.Double`), with
the correction undone at once.
"""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, Value, signed

from ....arch.config import Config
from ...primitives.ecp5_carry import add
from .ecp5_double import OVERLAP, SHIFT, Double, pack
from .products import ProductColumn

__all__ = ["LogicColumn"]


class LogicColumn(ProductColumn):
    """Two products a row in logic, but for the first rows.

    Parameters
    ----------
    doubles:
        How many rows, from the top, have a multiplier.
    """

    def __init__(self, config: Config, *, moves_down: bool, doubles: int = 0):
        super().__init__(config, moves_down=moves_down, add=add)
        self.doubles = doubles

    @property
    def _negated(self) -> range:
        return range(self.doubles)

    def _products(self, m: Module, entering: Sequence[Value]) -> list[tuple[Value, Value]]:
        reaching = self._late_weights(m, 1)
        doubles = self._double_rows(m, entering) if self.doubles else []
        return doubles + [self._logic_row(m, r, reaching[r]) for r in range(self.doubles, self.config.rows)]

    def _double_rows(self, m: Module, entering: Sequence[Value]) -> list[tuple[Value, Value]]:
        """The rows with a multiplier: minus the first product, and the second, as late as those of the others."""
        packed = [pack(m, self.weights[b], f"packed_{b}") for b in range(self.config.weight_rows)]
        reaching = self._weights(m, packed, "packed")
        result: list[tuple[Value, Value]] = []
        for r in range(self.doubles):
            double = Double(
                m,
                str(r),
                entering=entering[r],
                activation=self.activations_o[r],
                swap=self.swap[r // self.stage_rows],
                packed=reaching[r],
            )
            low, high = Signal(SHIFT, name=f"low_{r}"), Signal(signed(16), name=f"high_{r}")
            first, second = Signal(signed(SHIFT + OVERLAP), name=f"first_{r}"), Signal(signed(16), name=f"second_{r}")
            m.d.sync += [
                low.eq(double.low),
                high.eq(double.high),
                first.eq(Cat(low, double.correction)),
                second.eq(add(m, f"second_add_{r}", high, double.correction, 16, minus=True)),
            ]
            result.append((first, second))
        return result
