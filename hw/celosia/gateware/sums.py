# SPDX-License-Identifier: Apache-2.0
"""Sums, as datapaths with a body per FPGA family ask for them."""

from typing import Protocol

from amaranth.hdl import Module, Mux, Signal, Value, signed

__all__ = ["Add", "add"]


class Add(Protocol):
    """``a + (b << shift)``, or with a minus, in ``bits`` bits, where it wraps; combinational.

    With ``gates``, two bits, ``a`` counts only if the first is 1, and ``b`` only if the second is.
    """

    def __call__(
        self,
        m: Module,
        name: str,
        a: Value,
        b: Value,
        bits: int,
        *,
        shift: int = 0,
        minus: bool = False,
        gates: tuple[Value, Value] | None = None,
    ) -> Value: ...


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
    """:class:`Add` in plain operators."""
    result = Signal(signed(bits), name=name)
    if gates is not None:
        a, b = (Mux(gate, value, 0) for gate, value in zip(gates, (a, b), strict=True))
    m.d.comb += result.eq(a - (b << shift) if minus else a + (b << shift))
    return result
