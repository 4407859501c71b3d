# SPDX-License-Identifier: Apache-2.0
"""The AXI4 memory behind the core: the model that :class:`celosia.sim.MemoryModel` describes, in Python."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from ..memory import MAX_BEATS, MAX_BURSTS, Delays, MemoryModel, Stalls
from .pins import Held, Pins, ProtocolError

__all__ = ["Memory"]

_OKAY, _SLAVE_ERROR, _DECODE_ERROR = 0, 2, 3
_ADDRESS = ("addr", "len", "size", "burst", "id")


@dataclass
class _Burst:
    address: int
    length: int
    id: int
    due: int = 0
    beat: int = 0
    response: int = _OKAY

    def beat_address(self, bus_bytes: int) -> int:
        return self.address + self.beat * bus_bytes


class Memory:
    """A memory on the core's AXI4 master.

    Each cycle: :meth:`sample` before the clock edge, :meth:`drive` after it.

    Parameters
    ----------
    pins:
        The bus.
    data:
        The memory's bytes, shared with the host.
    model:
        How it behaves.
    """

    def __init__(self, pins: Pins, data: np.ndarray, model: MemoryModel):
        self._pins, self._data, self._model = pins, data, model
        self._stalls = Stalls(model)
        self._read_delays, self._write_delays = Delays(model, 0), Delays(model, 1)
        self._bytes = len(pins._signals["wstrb"])
        self._reads: deque[_Burst] = deque()
        self._writes: deque[_Burst] = deque()
        self._responses: deque[_Burst] = deque()
        self._beats: deque[tuple[int, ...]] = deque()
        self._next_read = self._next_write = 0
        self._read_addresses = Held(pins, "ar", *_ADDRESS)
        self._write_addresses = Held(pins, "aw", *_ADDRESS)
        self._write_data = Held(pins, "w", "data", "strb", "last")
        for name in ("arready", "awready", "wready"):
            pins[name] = 1
        for name in ("rvalid", "bvalid"):
            pins[name] = 0

    def sample(self, now: int) -> None:
        """Take what the core drives before clock edge ``now``."""
        pins, model = self._pins, self._model
        if address := self._read_addresses.take():
            self._reads.append(self._checked("AR", *address, due=now + model.latency + self._read_delays.draw()))
        if address := self._write_addresses.take():
            self._writes.append(self._checked("AW", *address))
        if beat := self._write_data.take():
            self._beats.append(beat)
            self._next_write = now + 1 + model.gap
        self._read_taken = pins["rvalid"] and pins["rready"]
        if self._read_taken:
            self._next_read = now + 1 + model.gap
        self._response_taken = pins["bvalid"] and pins["bready"]
        while self._beats and self._writes:
            self._join(now)

    def drive(self, now: int) -> None:
        """Drive the memory's registers after clock edge ``now``."""
        pins = self._pins
        stall_ar, stall_aw, stall_w, stall_r, stall_b = self._stalls.draw()
        pins["arready"] = len(self._reads) < MAX_BURSTS and not stall_ar
        pins["awready"] = len(self._writes) + len(self._responses) < MAX_BURSTS and not stall_aw
        pins["wready"] = len(self._beats) < MAX_BEATS and now + 1 >= self._next_write and not stall_w
        if self._read_taken or not pins["rvalid"]:
            self._drive_read(now, stall_r)
        if self._response_taken or not pins["bvalid"]:
            self._drive_response(now, stall_b)

    def _drive_read(self, now: int, stall: bool) -> None:
        pins = self._pins
        if not self._reads or self._reads[0].due > now + 1 or self._next_read > now + 1 or stall:
            pins["rvalid"] = 0
            return
        burst = self._reads[0]
        address = burst.beat_address(self._bytes)
        response = self._answer(address)
        data = self._data[address : address + self._bytes].tobytes() if response == _OKAY else b""
        last = burst.beat == burst.length
        pins["rdata"] = int.from_bytes(data, "little")
        pins["rresp"], pins["rid"], pins["rlast"], pins["rvalid"] = response, burst.id, int(last), 1
        burst.beat += 1
        if last:
            self._reads.popleft()

    def _drive_response(self, now: int, stall: bool) -> None:
        pins = self._pins
        if not self._responses or self._responses[0].due > now + 1 or stall:
            pins["bvalid"] = 0
            return
        burst = self._responses.popleft()
        pins["bresp"], pins["bid"], pins["bvalid"] = burst.response, burst.id, 1

    def _checked(
        self, channel: str, address: int, length: int, size: int, kind: int, identity: int, *, due: int = 0
    ) -> _Burst:
        where = f"memory {channel} at {address:#x}"
        if kind != 1:
            raise ProtocolError(f"{where}: burst type {kind}; only INCR (1) is modelled")
        if 1 << size != self._bytes:
            raise ProtocolError(
                f"{where}: beats of {1 << size} bytes on a bus of {self._bytes}; narrow bursts are not modelled"
            )
        if address % self._bytes:
            raise ProtocolError(f"{where}: not aligned to the bus")
        if address % 4096 + (length + 1) * self._bytes > 4096:
            raise ProtocolError(f"{where}: a burst of {length + 1} beats crosses a 4 KiB boundary")
        return _Burst(address, length, identity, due)

    def _answer(self, address: int) -> int:
        if address + self._bytes > self._model.size:
            return _DECODE_ERROR
        errors = self._model.errors
        return _SLAVE_ERROR if errors.start < address + self._bytes and address < errors.stop else _OKAY

    def _join(self, now: int) -> None:
        """Give the oldest beat of write data to the oldest address."""
        burst = self._writes[0]
        data, strobe, last = self._beats.popleft()
        address = burst.beat_address(self._bytes)
        response = self._answer(address)
        burst.response = max(burst.response, response)
        if response == _OKAY:
            for i in range(self._bytes):
                if strobe >> i & 1:
                    self._data[address + i] = data >> 8 * i & 255
        if last != (burst.beat == burst.length):
            raise ProtocolError(
                f"memory W: wlast {'set' if last else 'not set'} on beat {burst.beat + 1}"
                f" of a burst of {burst.length + 1}"
            )
        burst.beat += 1
        if last:
            burst.due = now + self._model.latency + self._write_delays.draw()
            self._responses.append(burst)
            self._writes.popleft()
