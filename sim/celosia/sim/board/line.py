# SPDX-License-Identifier: Apache-2.0
"""A line to a simulated board in this process: time is the board's, and can be made as bad as a real one's."""

import random
from collections import deque

from .simulator import BoardSimulator

__all__ = ["SimulatedLine"]

_CHUNK = 500  # cycles between two looks


class SimulatedLine:
    """What :class:`celosia.runtime.serial.Port` asks for. The clock runs only while somebody reads or sleeps.

    Parameters
    ----------
    simulator:
        The board. The line closes it.
    clock_hz:
        Of the board: gives seconds.
    latency:
        Seconds by which everything the board sends comes later, as through a USB bridge.
    noise:
        Probability with which each byte, in both directions, is lost; as much that it comes twice; as much that one
        of its bits is turned.
    seed:
        Of the noise.
    """

    def __init__(
        self, simulator: BoardSimulator, clock_hz: int, *, latency: float = 0.0, noise: float = 0.0, seed: int = 0
    ):
        self.simulator, self.clock_hz, self.latency, self.noise = simulator, clock_hz, latency, noise
        self._random = random.Random(seed)
        self._coming: deque[tuple[float, bytes]] = deque()  # when, what

    def write(self, data: bytes) -> None:
        self.simulator.give(self._disturb(data))

    def read(self) -> bytes:
        patience = self.now() + 0.01
        while True:
            if self._coming and self._coming[0][0] <= self.now():
                return self._coming.popleft()[1]
            if self.now() >= patience:
                return b""
            self._run(_CHUNK)

    def discard(self) -> None:
        self._coming.clear()

    def now(self) -> float:
        return self.simulator.cycles / self.clock_hz

    def sleep(self, seconds: float) -> None:
        self._run(round(seconds * self.clock_hz))

    def close(self) -> None:
        self.simulator.close()

    def _run(self, cycles: int) -> None:
        data = self._disturb(self.simulator.run(cycles))
        if data:
            self._coming.append((self.now() + self.latency, data))

    def _disturb(self, data: bytes) -> bytes:
        if not self.noise:
            return data
        out = bytearray()
        for byte in data:
            lot = self._random.random() / self.noise
            if lot < 1:
                continue
            if lot < 2:
                out.append(byte)
            elif lot < 3:
                byte ^= 1 << self._random.randrange(8)
            out.append(byte)
        return bytes(out)
