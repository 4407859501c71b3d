# SPDX-License-Identifier: Apache-2.0
"""A lane's product from an FPGA's multipliers, or in logic, for each family.

::

  cycle        1           2               3           4                       5
  xh·mh:   register ──► inputs ──────► product ─┬─► outer − high ──────────┐
  xl·ml:   register ──► inputs ──────► product ─┤                          + ─► bits from 30 on
  (xl + xh)·(ml + mh): sums, inputs ──► middle ─┴─► middle − low ── << 16 ─┘

With 18-bit multipliers, Karatsuba's rule for parts of 16 bits:
x·m = 2³²·xh·mh + 2¹⁶·((xl + xh)(ml + mh) − xh·mh − xl·ml) + xl·ml.
A fourth multiplier a lane would save some short sums, and take 16 from an array that needs them more. The sums
have 17 bits, so multipliers of 16 bits have to be four: xh·ml and xl·mh are made at once and added.
"""

from collections.abc import Callable, Sequence

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed, unsigned

from ... import sums
from ...primitives import ecp5_carry
from ...primitives.ecp5_mult import MULT18X18D
from ...primitives.gowin_mult import GowinMultiplier
from ...primitives.ice40_mac import Multiplier16
from ...sums import Add

__all__ = ["ecp5", "ecp5_logic", "gowin", "ice40", "logic"]

PART = 16


def ecp5(m: Module, x: Value, multiplier: Value, moving: Sequence[Value]) -> tuple[Value, Value]:
    """A body of :class:`.lane.Lane` with three MULT18X18D."""
    return _karatsuba(m, ecp5_carry.add, MULT18X18D, x, multiplier)


def ecp5_logic(m: Module, x: Value, multiplier: Value, moving: Sequence[Value]) -> tuple[Value, Value]:
    """A body of :class:`.lane.Lane` in ECP5's carry chains."""
    return _logic(m, ecp5_carry.add, x, multiplier)


def gowin(m: Module, x: Value, multiplier: Value, moving: Sequence[Value]) -> tuple[Value, Value]:
    """A body of :class:`.lane.Lane` with three MULT18X18."""
    return _karatsuba(m, sums.add, lambda: GowinMultiplier(18), x, multiplier)


def ice40(m: Module, x: Value, multiplier: Value, moving: Sequence[Value]) -> tuple[Value, Value]:
    """A body of :class:`.lane.Lane` with four SB_MAC16."""
    return _schoolbook(m, x, multiplier)


def logic(m: Module, x: Value, multiplier: Value, moving: Sequence[Value]) -> tuple[Value, Value]:
    """A body of :class:`.lane.Lane` in plain logic, where a product operator would take multipliers there are not."""
    return _logic(m, sums.add, x, multiplier)


def _late(m: Module, value: Value, name: str, shape=None) -> Signal:
    """``value``, one cycle later."""
    result = Signal(shape or value.shape(), name=name, reset_less=True)
    m.d.sync += result.eq(value)
    return result


def _joined(m: Module, add: Add, outer: Value, cross: Value) -> tuple[Value, Value]:
    """The body's two results, from two numbers in cycle 4 whose sum is the product's bits from 16 on."""
    total = add(m, "total", outer.as_signed(), cross.as_signed(), 63 - PART)
    result = _late(m, total[30 - PART :], "result", unsigned(33))
    return result[1:].as_signed(), result[0]


def _karatsuba(m: Module, add: Add, kind: Callable, x: Value, multiplier: Value) -> tuple[Value, Value]:
    def product(name: str, a: Value, b: Value) -> Value:
        m.submodules[name] = cell = kind()
        m.d.comb += [cell.a.eq(a), cell.b.eq(b)]
        return cell.product

    x, multiplier = _late(m, x, "x"), _late(m, multiplier, "multiplier", unsigned(31))
    low = product("low", x[:PART], multiplier[:PART])[: 2 * PART].as_unsigned()
    high = product("high", x[PART:].as_signed(), multiplier[PART:])[: 2 * PART].as_signed()
    x_sum = add(m, "x_sum", x[PART:].as_signed(), x[:PART], 18)
    multiplier_sum = add(m, "multiplier_sum", multiplier[PART:], multiplier[:PART], 17).as_unsigned()
    width = 2 * PART + 2
    middle = product("middle", x_sum.as_signed(), multiplier_sum)[:width].as_signed()
    rest = add(m, "outer", Cat(low[PART:], high).as_signed(), high, 63 - PART, minus=True)
    cross = add(m, "cross", middle, low, width, minus=True)
    return _joined(m, add, _late(m, rest, "outer_late"), _late(m, cross, "cross_late"))


def _schoolbook(m: Module, x: Value, multiplier: Value) -> tuple[Value, Value]:
    def product(name: str, a: Value, b: Value, *, a_signed: bool = False, late: bool = False) -> Value:
        m.submodules[name] = cell = Multiplier16(a_signed=a_signed, late=late)
        m.d.comb += [cell.a.eq(a), cell.b.eq(b)]
        return cell.product.as_signed() if a_signed else cell.product

    x, multiplier = _late(m, x, "x"), _late(m, multiplier, "multiplier", unsigned(31))
    low = product("low", x[:PART], multiplier[:PART], late=True)
    high = product("high", x[PART:], multiplier[PART:], a_signed=True, late=True)
    crosses = (
        product("cross_0", x[PART:], multiplier[:PART], a_signed=True),
        product("cross_1", x[:PART], multiplier[PART:]),
    )
    cross = sums.add(m, "cross", *crosses, 2 * PART + 2)
    return _joined(m, sums.add, Cat(low[PART:], high), _late(m, cross, "cross_late"))


def _logic(m: Module, add: Add, x: Value, multiplier: Value) -> tuple[Value, Value]:
    """Two bits of the multiplier a sum, then a tree of sums."""
    x, multiplier = _late(m, x, "x"), Cat(_late(m, multiplier, "multiplier", unsigned(31)), Const(0))
    parts: list[Value] = []
    for bit in range(0, 32, 2):
        part = add(m, f"part_{bit}", x, x, 34, shift=1, gates=(multiplier[bit], multiplier[bit + 1]))
        parts.append(_late(m, part, f"part_{bit}_late", signed(34)))
    bits, shift = 34, 2
    while len(parts) > 1:
        bits += shift
        totals = [add(m, f"sum_{bits}_{i}", parts[i], parts[i + 1], bits, shift=shift) for i in range(0, len(parts), 2)]
        if len(totals) >= 4:
            parts = [_late(m, total, f"sum_{bits}_{i}_late", signed(bits)) for i, total in enumerate(totals)]
        else:
            parts = [total.as_signed() for total in totals]
        shift *= 2
    result = _late(m, parts[0][30:63], "result", unsigned(33))
    return result[1:].as_signed(), result[0]
