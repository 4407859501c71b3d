# SPDX-License-Identifier: Apache-2.0
"""Bodies that make every product on its own, in logic or with a multiplier each.

::

  a ─► register ─┬ a·(w[0] + 2·w[1]) ─► register ┐
                 ├ a·(w[2] + 2·w[3]) ─► register ┴ + ─► register ┐
                 ├ a·(w[4] + 2·w[5]) ─► register ┐               + ─► register ─► chain
                 └ a·(w[6] − 2·w[7]) ─► register ┴ + ─► register ┘
"""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, Value, signed

from ....arch.config import Config
from ...sums import Add
from .chain import chain
from .column import PairColumn

__all__ = ["ProductColumn", "logic_product"]

PRODUCT = (-128 * 127, 128 * 128)


def logic_product(m: Module, add: Add, name: str, activation: Value, weight: Value) -> Signal:
    """``activation · weight``, both int8, three cycles later, a short sum in each of them."""
    parts = []
    for bit in range(0, 8, 2):
        gates = (weight[bit], weight[bit + 1])
        part = add(m, f"part_{name}_{bit}", activation, activation, 10, shift=1, minus=bit == 6, gates=gates)
        parts.append(Signal(signed(10), name=f"part_{name}_{bit}_late"))
        m.d.sync += parts[-1].eq(part)
    halves = [Signal(signed(12), name=f"half_{name}_{i}_late") for i in range(2)]
    result = Signal(signed(16), name=f"product_{name}_late")
    for i, half in enumerate(halves):
        m.d.sync += half.eq(add(m, f"half_{name}_{i}", parts[2 * i], parts[2 * i + 1], 12, shift=2))
    m.d.sync += result.eq(add(m, f"product_{name}", halves[0], halves[1], 16, shift=4))
    return result


class ProductColumn(PairColumn):
    """Two products a row, two channels of partial sums. This one makes them in logic.

    Parameters
    ----------
    add:
        How to make sums.
    """

    def __init__(self, config: Config, *, moves_down: bool, add: Add):
        super().__init__(config, moves_down=moves_down)
        self._add = add

    def _multiply(self, m: Module, entering: Sequence[Value]) -> None:
        rows = self._products(m, entering)
        for i in range(2):
            total = chain(
                m,
                [row[i] for row in rows],
                add=self._add,
                stage_rows=self.stage_rows,
                low=PRODUCT[0],
                high=PRODUCT[1],
                at_most=self.config.sum_bits,
                name=f"psum_{i}",
                negative=[i == 0 and r in self._negated for r in range(self.config.rows)],
            )
            m.d.comb += self.sums[i].eq(total)

    @property
    def _negated(self) -> range:
        """Rows whose first product comes with the wrong sign."""
        return range(0)

    def _products(self, m: Module, entering: Sequence[Value]) -> list[tuple[Value, Value]]:
        """Both products of each row, four cycles after its activation enters."""
        reaching = self._late_weights(m, 1)
        return [self._logic_row(m, r, reaching[r]) for r in range(self.config.rows)]

    def _late_weights(self, m: Module, cycles: int) -> list[Value]:
        """The two weights that reach each row, 16 bits, ``cycles − 1`` cycles after its swap."""
        buses: list[Value] = [Cat(*self.weights[b]) for b in range(self.config.weight_rows)]
        for cycle in range(cycles):
            for b, bus in enumerate(buses):
                buses[b] = late = Signal(16, name=f"bus_{b}_{cycle}")
                m.d.sync += late.eq(bus)
        return self._weights(m, buses, "weights")

    def _active(self, m: Module, row: int, reaching: Value) -> tuple[Value, Value]:
        """The row's active weights, from the cycle after its swap on."""
        weights = Signal(16, name=f"active_{row}")
        with m.If(self.swap[row // self.stage_rows]):
            m.d.sync += weights.eq(reaching)
        return weights[:8].as_signed(), weights[8:].as_signed()

    def _logic_row(self, m: Module, row: int, reaching: Value) -> tuple[Value, Value]:
        a, weights = self.activations_o[row], self._active(m, row, reaching)
        first, second = (logic_product(m, self._add, f"{row}_{i}", a, weight) for i, weight in enumerate(weights))
        return first, second
