# SPDX-License-Identifier: Apache-2.0
"""A lane's product in plain operators, with the registers that pipelined multipliers have."""

from collections.abc import Sequence

from amaranth.hdl import Const, Module, Signal, Value, signed

__all__ = ["product"]


def product(m: Module, x: Value, multiplier: Value, moving: Sequence[Value]) -> tuple[Value, Value]:
    """A body of :class:`.lane.Lane`. It rounds on its own."""

    def register(stage: int, value, shape, name: str) -> Signal:
        result = Signal(shape, name=f"{name}{stage}", reset_less=True)
        with m.If(moving[stage - 1]):
            m.d.sync += result.eq(value)
        return result

    result = register(1, x, signed(32), "shifted") * register(1, multiplier, 31, "multiplier")
    for stage in (2, 3, 4):
        result = register(stage, result, signed(63), "product")
    return register(5, (result + (1 << 30)) >> 31, signed(32), "high"), Const(0)
