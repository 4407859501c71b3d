# SPDX-License-Identifier: Apache-2.0
"""ECP5's carry chain: sums of two numbers, or of two partial products with the AND gates in the chain.

Facts: yosys' simulation model of CCU2C, and nextpnr's packer. A cell adds two bits. Each of them has a LUT of four
inputs whose output is what the carry propagates through, and whose lowest four entries (C = D = 0) say what carry a
bit makes that propagates none. So a bit can add ``A & B`` to ``C & D``: it propagates ``(A & B) ^ (C & D)``, and what
it makes is ``A & B``, the same at C = D = 0.

The carry into a chain's first cell must be known. nextpnr puts a whole cell in front of a chain for that, even for a
constant, and another behind it for a carry out that is connected at all, as yosys' always is: four LUTs a sum. Here
half a cell does, and that half takes the lowest bit's carry along where it can.
"""

from typing import Any

from amaranth.hdl import Const, Instance, Module, Shape, Signal, Value, signed
from amaranth.lib.wiring import Component, In, Out

from ..family import device_of

__all__ = ["CarrySum", "add"]

PLUS, MINUS = 0x7888, 0x8777
"""Propagate of C·D + A·B, and of C·D − A·B."""

STARTS = {False: (0x0000, 0x0008), True: (0x000F, 0x000D)}
"""A bit that propagates nothing (C = D = 1) and makes: the carry of no bits; that of one bit, of B + A or of B − A."""


class CarrySum(Component):
    """``sum = a·x + (b·y << shift)``, or with a minus; x and y are bits. Combinational.

    Parameters
    ----------
    a_shape, b_shape:
        Of the two numbers.
    sum_bits:
        Width of ``sum``, which wraps; more than ``shift``.
    shift:
        Where ``b``'s lowest bit is added. Below it, ``sum`` is ``a·x``.
    minus:
        Subtract ``b``.
    gated:
        Whether there are ``x`` and ``y``; if not, they are 1.
    """

    def __init__(
        self,
        a_shape: Shape,
        b_shape: Shape,
        sum_bits: int,
        *,
        shift: int = 0,
        minus: bool = False,
        gated: bool = False,
    ):
        if not 0 <= shift < sum_bits:
            raise ValueError(f"shift must be from 0 to {sum_bits - 1}, less than sum_bits, not {shift!r}")
        self.shift, self.minus, self.gated = shift, minus, gated
        gates = {"x": In(1), "y": In(1)} if gated else {}
        super().__init__({"a": In(a_shape), "b": In(b_shape), "sum": Out(signed(sum_bits)), **gates})

    def elaborate(self, platform):
        m = Module()
        x: Value = self.x if self.gated else Const(1)
        y: Value = self.y if self.gated else Const(1)
        low = [self._bit(self.a, i) & x for i in range(self.shift)]
        if device_of(platform).simulated:
            a = Signal(self.a.shape())
            b = Signal(self.b.shape())
            m.d.comb += [a.eq(self.a & x.replicate(len(a))), b.eq(self.b & y.replicate(len(b)))]
            m.d.comb += self.sum.eq(a - (b << self.shift) if self.minus else a + (b << self.shift))
            return m
        for i, bit in enumerate(low):
            m.d.comb += self.sum[i].eq(bit)
        self._chain(m, x, y)
        return m

    def _chain(self, m: Module, x: Value, y: Value) -> None:
        first, bits = self.shift, len(self.sum)
        halves: list[dict[str, Any]] = []
        if not self.gated and (bits - first) % 2 == 0:
            a, b = self._bit(self.a, first), self._bit(self.b, 0)
            m.d.comb += self.sum[first].eq(a ^ b)
            halves.append({"init": STARTS[self.minus][1], "A": b, "B": a, "C": Const(1), "D": Const(1)})
            first += 1
        else:
            halves.append({"init": STARTS[self.minus][0], **dict.fromkeys("ABCD", Const(1))})
        for i in range(first, bits):
            a, b = self._bit(self.a, i), self._bit(self.b, i - self.shift)
            halves.append({"init": MINUS if self.minus else PLUS, "A": b, "B": y, "C": a, "D": x, "S": self.sum[i]})
        if len(halves) % 2:
            halves.append({"init": 0, **dict.fromkeys("ABCD", Const(1))})
        carry = None
        for i in range(0, len(halves), 2):
            ports = {f"i_{name}{half}": halves[i + half][name] for half in range(2) for name in "ABCD"}
            ports |= {f"o_S{half}": halves[i + half]["S"] for half in range(2) if "S" in halves[i + half]}
            if carry is not None:
                ports["i_CIN"] = carry
            if i + 2 < len(halves):
                carry = ports["o_COUT"] = Signal(name=f"carry_{i + 2}")
            m.submodules[f"cell_{i // 2}"] = Instance(
                "CCU2C",
                p_INIT0=Const(halves[i]["init"], 16),
                p_INIT1=Const(halves[i + 1]["init"], 16),
                p_INJECT1_0="NO",
                p_INJECT1_1="NO",
                **ports,
            )

    @staticmethod
    def _bit(value: Value, position: int) -> Value:
        """A bit of a number, beyond its width the sign or zero."""
        if position < len(value):
            return value[position]
        return value[-1] if value.shape().signed else Const(0)


def add(
    m: Module,
    name: str,
    a: Value,
    b: Value,
    bits: int,
    *,
    shift: int = 0,
    minus: bool = False,
    gates: tuple[Value, Value] | None = None,
) -> Value:
    """The sum of a :class:`CarrySum` called ``name`` in ``m``; ``gates`` are x and y."""
    m.submodules[name] = carry_sum = CarrySum(
        a.shape(), b.shape(), bits, shift=shift, minus=minus, gated=gates is not None
    )
    m.d.comb += [carry_sum.a.eq(a), carry_sum.b.eq(b)]
    if gates is not None:
        m.d.comb += [carry_sum.x.eq(gates[0]), carry_sum.y.eq(gates[1])]
    return carry_sum.sum
