# SPDX-License-Identifier: Apache-2.0
"""Shift registers: the skew of a systolic array and the alignment of control with data."""

from typing import Any

from amaranth.hdl import Module, Signal, Value, ValueCastable

from ..arch.config import Config

__all__ = ["delay", "delay_constant", "delays"]


def delays(m: Module, value: Any, cycles: int, name: str, *, reset_less: bool = False) -> list[Any]:
    """``value`` and its copies 1 … ``cycles`` clock cycles later, as a list of ``cycles + 1`` values.

    Registers are reset to zero, so a delayed valid bit is quiet after reset; with ``reset_less`` they are not reset:
    for data that something else says are valid.
    """
    shape = value.shape() if isinstance(value, (Value, ValueCastable)) else Value.cast(value).shape()
    result = [value]
    for i in range(cycles):
        register = Signal(shape, name=f"{name}_{i + 1}", reset_less=reset_less)
        m.d.sync += register.eq(result[-1])
        result.append(register)
    return result


def delay(m: Module, value: Any, cycles: int, name: str, *, reset_less: bool = False) -> Any:
    """``value``, ``cycles`` clock cycles later."""
    return delays(m, value, cycles, name, reset_less=reset_less)[-1]


def delay_constant(m: Module, config: Config, value: Any, cycles: int, name: str) -> Any:
    """:func:`delay` of something that is the same for a whole command, and need not be reset: without
    ``config.overlap`` no register is needed, because no other command is under way."""
    return delay(m, value, cycles if config.overlap else 0, name, reset_less=True)
