# SPDX-License-Identifier: Apache-2.0
"""A count that is asked only whether it is 0."""

from amaranth.hdl import Module, Signal, Value

__all__ = ["count"]


def count(m: Module, value: Signal, some: Signal, *, down: Value, up: Value) -> None:
    """Counts down and up; ``some`` is a register that says whether ``value`` is not 0."""
    with m.If(down & ~up):
        m.d.sync += [value.eq(value - 1), some.eq(value != 1)]
    with m.Elif(up & ~down):
        m.d.sync += [value.eq(value + 1), some.eq(1)]
