# SPDX-License-Identifier: Apache-2.0
"""The AXI4-Lite initiator: one access of any number of words at a time, as fast as the core takes them."""

import numpy as np

from celosia.arch.registers import Control, Register

from ..simulated import PATIENCE, Access
from .pins import Pins, ProtocolError

__all__ = ["ControlBus"]


class ControlBus:
    """The host's end of the control bus.

    Each cycle: :meth:`sample` before the clock edge, :meth:`drive` after it.

    Parameters
    ----------
    pins:
        The bus.
    """

    def __init__(self, pins: Pins):
        self._pins = pins
        self._access, self._address, self._words = Access.READ, 0, np.zeros(0, dtype="<u4")
        self._addressed = self._given = self._answered = self._last_transfer = 0
        self.started = 0
        """Edge that completed the latest write of CONTROL.START."""
        self.drive()
        pins["bready"] = pins["rready"] = 1
        pins["wstrb"] = 15
        pins["awprot"] = pins["arprot"] = 0

    @property
    def busy(self) -> bool:
        return self._answered < len(self._words)

    def begin(self, access: Access, address: int, words: np.ndarray, now: int) -> None:
        """Begin an access of ``len(words)`` words, read into ``words`` or written from it."""
        self._access, self._address, self._words = access, address, words
        self._addressed = self._given = self._answered = 0
        self._last_transfer = now
        self.drive()

    def sample(self, now: int) -> None:
        """Take what the core drives before clock edge ``now``."""
        pins = self._pins
        if not self.busy:
            if pins["bvalid"]:
                raise ProtocolError("control B: a response that no write asked for")
            if pins["rvalid"]:
                raise ProtocolError("control R: data that no read asked for")
            return
        before = self._addressed + self._given + self._answered
        if self._access == Access.WRITE:
            self._sample_write(now)
        else:
            self._sample_read()
        if self._addressed + self._given + self._answered != before:
            self._last_transfer = now
        elif now - self._last_transfer >= PATIENCE:
            raise ProtocolError(f"control bus: no answer at {self._at(self._answered):#x} in {PATIENCE} cycles")

    def drive(self) -> None:
        """Drive the initiator's registers after a clock edge."""
        pins, write = self._pins, self._access == Access.WRITE
        more, data = self._addressed < len(self._words), write and self._given < len(self._words)
        if more:
            pins["awaddr" if write else "araddr"] = self._at(self._addressed)
        if data:
            pins["wdata"] = int(self._words[self._given])
        pins["awvalid"], pins["arvalid"], pins["wvalid"] = int(write and more), int(not write and more), int(data)

    def _at(self, index: int) -> int:
        return self._address + 4 * index

    def _sample_write(self, now: int) -> None:
        pins, complete = self._pins, min(self._addressed, self._given)
        if pins["bvalid"]:
            if self._answered >= complete:
                raise ProtocolError("control B: a response that no write asked for")
            if response := pins["bresp"]:
                raise ProtocolError(f"control bus: error {response} on the write of {self._at(self._answered):#x}")
            self._answered += 1
        if pins["awvalid"] and pins["awready"]:
            self._addressed += 1
        if pins["wvalid"] and pins["wready"]:
            self._given += 1
        if min(self._addressed, self._given) > complete and self._at(complete) == Register.CONTROL:
            self.started = now if self._words[complete] & Control.START else self.started

    def _sample_read(self) -> None:
        pins = self._pins
        if pins["rvalid"]:
            if self._answered >= self._addressed:
                raise ProtocolError("control R: data that no read asked for")
            if response := pins["rresp"]:
                raise ProtocolError(f"control bus: error {response} on the read of {self._at(self._answered):#x}")
            self._words[self._answered] = pins["rdata"]
            self._answered += 1
        if pins["arvalid"] and pins["arready"]:
            self._addressed += 1
