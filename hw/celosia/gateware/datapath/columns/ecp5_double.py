# SPDX-License-Identifier: Apache-2.0
"""ECP5: both products of a pair from one multiplier.

::

  a ──────────────────────► A ┐             ┌ product[8:0]  = low  ────────► chain
                              × ─► register ┤
  512·w1 − w0 ─(swap)─────► B ┘             └ product[24:9] = high ──┬─────► chain
                                                                     ▼
  a ─► register ─► a·w1 mod 64, in LUTs ──► register ───────────► minus ─► correction ─► chain

The product is ``512·(a·w1) − a·w0``. Its upper part is not a·w1 alone: ``−a·w0 = low + 512·c`` with c in −32 … 31, and
so ``high = a·w1 + c``. As c has six bits, the lower six of a·w1 give it away: ``c = high − (a·w1 mod 64)``, taken as
a six-bit number. Exact for all int8: a sign the other way round would have c = 32 for a = w0 = −128. Nothing
needs undoing before the foot of the column:

    Σ a·w0 = −(Σ low + 512 Σ c),    Σ a·w1 = Σ high − Σ c
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed

from ...primitives.ecp5_carry import add
from ...primitives.ecp5_mult import MULT18X18D
from .chain import chain
from .column import PairColumn

__all__ = ["Double", "DoubleColumn", "pack"]

SHIFT = 9
"""Bits of the lower product that the multiplier keeps apart."""

OVERLAP = 6
"""Bits of the lower product above them."""

HIGH = (-(2**14) - 2**5, 2**14 + 2**5)
CORRECTION = (-(2**5), 2**5 - 1)


def pack(m: Module, weights: Sequence[Value], name: str) -> Signal:
    """Both weights for :class:`Double`, one cycle later: the multiplier's factor, and w1's lower six bits."""
    packed = Signal(signed(18), name=f"{name}_factor")
    low = Signal(OVERLAP, name=f"{name}_low")
    factor = add(m, f"{name}_pack", (weights[1] << SHIFT).as_signed(), weights[0], 18, minus=True)
    m.d.sync += [packed.eq(factor), low.eq(weights[1][:OVERLAP])]
    return Cat(packed, low)  # type: ignore[return-value] # the stubs take Cat for a plain value


class Double:
    """One multiplier and its correction, in module ``m``.

    With ``entering`` in cycle t (and its register ``activation`` one later), ``low`` and ``high`` are there in
    cycle t + 2, ``correction`` in cycle t + 3.
    """

    def __init__(
        self,
        m: Module,
        name: str,
        *,
        entering: Value,
        activation: Value,
        swap: Value,
        packed: Value,
    ):
        m.submodules[f"multiplier_{name}"] = multiplier = MULT18X18D()
        m.d.comb += [
            multiplier.a.eq(entering.as_signed()),
            multiplier.b.eq(packed[:18]),
            multiplier.b_enable.eq(swap),
        ]
        weight = Signal(OVERLAP, name=f"low_weight_{name}")
        with m.If(swap):
            m.d.sync += weight.eq(packed[18:])
        low_part, high_part = _modulo_64(m, name, activation, weight)
        overlap, rest = Signal(OVERLAP, name=f"overlap_{name}"), Signal(2, name=f"rest_{name}")
        m.d.sync += [overlap.eq(low_part), rest.eq(high_part)]
        self.low = multiplier.product[:SHIFT]
        self.high = multiplier.product[SHIFT : SHIFT + 16].as_signed()
        self.correction = Signal(signed(OVERLAP), name=f"correction_{name}")
        six = Cat(self.high[:4], (self.high[4:6] - rest)[:2])
        m.d.sync += self.correction.eq(add(m, f"correct_{name}", six, overlap, OVERLAP, minus=True))


def _modulo_64(m: Module, name: str, a: Value, w: Value) -> tuple[Value, Value]:
    """``a·w mod 64`` of the lower four bits of w, and what the upper two add to its upper two.

    Two partial products a carry chain, then the sum of those chains: there is no time for a third addition.
    """
    first = add(m, f"overlap_{name}_01", a[:6], a[:5], 6, shift=1, gates=(w[0], w[1]))
    second = add(m, f"overlap_{name}_23", a[:4], a[:3], 4, shift=1, gates=(w[2], w[3]))
    lower = add(m, f"overlap_{name}", first.as_unsigned(), second.as_unsigned(), 6, shift=2)
    return lower, Cat(a[0] & w[4], (a[1] & w[4]) ^ (a[0] & w[5]))


class DoubleColumn(PairColumn):
    """A multiplier a row; three channels of partial sums, combined at the foot."""

    def _multiply(self, m: Module, entering: Sequence[Value]) -> None:
        config = self.config
        packed = [pack(m, self.weights[b], f"bus_{b}") for b in range(config.weight_rows)]
        reaching = self._weights(m, packed, "packed")
        rows = [
            Double(
                m,
                str(r),
                entering=entering[r],
                activation=self.activations_o[r],
                swap=self.swap[r // self.stage_rows],
                packed=reaching[r],
            )
            for r in range(config.rows)
        ]
        common: Any = {"add": add, "stage_rows": self.stage_rows, "at_most": config.sum_bits}
        low = chain(m, [row.low for row in rows], low=0, high=2**SHIFT - 1, name="low", **common)
        high = chain(m, [row.high for row in rows], low=HIGH[0], high=HIGH[1], name="high", **common)
        correction = chain(
            m, [row.correction for row in rows], low=CORRECTION[0], high=CORRECTION[1], name="correction", **common
        )
        low_late, high_late = Signal.like(low), Signal.like(high)
        first = add(m, "first", low_late, correction, config.sum_bits, shift=SHIFT)
        m.d.sync += [
            low_late.eq(low),
            high_late.eq(high),
            self.sums[0].eq(add(m, "negated", Const(0, signed(1)), first, config.sum_bits, minus=True)),
            self.sums[1].eq(add(m, "second", high_late, correction, config.sum_bits, minus=True)),
        ]
