# SPDX-License-Identifier: Apache-2.0
"""One bus of a simulated core, pin by pin."""

from typing import Any

from amaranth.hdl import Signal
from amaranth.sim import SimulatorContext  # type: ignore[attr-defined]

__all__ = ["Held", "Pins", "ProtocolError"]


class ProtocolError(Exception):
    """A bus rule broken by the core; becomes a TransportError."""


class Pins:
    """The signals of an interface by name.

    Parameters
    ----------
    context:
        Of the running simulation.
    interface:
        An interface object whose members are all plain signals.
    """

    def __init__(self, context: SimulatorContext, interface: Any):
        self._context = context
        self._signals: dict[str, Signal] = {name: getattr(interface, name) for name in interface.signature.members}
        self._driven: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        """What a pin shows now; one that this side drives costs nothing."""
        value = self._driven.get(name)
        return self._context.get(self._signals[name]) if value is None else value

    def __setitem__(self, name: str, value: int) -> None:
        """Drive a pin, unless it already shows the value."""
        if self._driven.get(name) != value:
            self._driven[name] = value
            self._context.set(self._signals[name], value)


class Held:
    """One channel that the core drives: once valid, it stays valid with the same payload until it is taken.

    Parameters
    ----------
    pins:
        The bus.
    prefix:
        Of the channel's pins.
    payload:
        Names of the payload's pins, without the prefix.
    """

    def __init__(self, pins: Pins, prefix: str, *payload: str):
        self._pins = pins
        self._prefix = prefix
        self._payload = [prefix + name for name in payload]
        self._waiting: tuple[int, ...] | None = None

    def take(self) -> tuple[int, ...] | None:
        """The payload, if it is being transferred at this edge."""
        pins, prefix = self._pins, self._prefix
        if not pins[prefix + "valid"]:
            if self._waiting is not None:
                raise ProtocolError(f"memory {prefix.upper()}: valid was dropped before ready")
            return None
        payload = tuple(pins[name] for name in self._payload)
        if self._waiting is not None and payload != self._waiting:
            raise ProtocolError(f"memory {prefix.upper()}: the payload changed before ready")
        taken = pins[prefix + "ready"]
        self._waiting = None if taken else payload
        return payload if taken else None
