# SPDX-License-Identifier: Apache-2.0
"""A board's end of the link in Python, written from docs/link.md, and a bad line to it.

It shares nothing with the host's end but the numbers in `celosia.arch.link`.
"""

import random
from collections.abc import Callable

from celosia.arch.config import Config
from celosia.arch.link import LINK_IDENTITY, LINK_VERSION, Operation, Status

COUNTER = 0x50
"""A register of the model's own: every write adds one to it, whatever is written."""

FAULTY = range(0x60, 0x64)
"""Control addresses that answer with an error."""


def _entry(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (0xEDB88320 if index & 1 else 0)
    return index


TABLE = [_entry(index) for index in range(256)]


def crc(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


class Board:
    """What a board does, byte after byte: bytes of the line in, bytes of the line out.

    Parameters
    ----------
    version, digest:
        What it says of the link's version and its configuration's hash.
    """

    def __init__(self, config: Config, *, external: int = 0, buffer: int = 2048, version: int = LINK_VERSION):
        digest = config.hash
        words = [LINK_IDENTITY << 16 | version, 25_000_000, external, buffer, digest & 0xFFFFFFFF, digest >> 32]
        self.info = dict(enumerate(words))
        self.control: dict[int, int] = {}
        self.external: dict[int, int] = {}
        self.external_bytes, self.buffer = external, buffer
        self.executed: list[tuple[int, int, int]] = []  # operation, address, word
        self.interrupt = False
        self.reset()

    def reset(self) -> None:
        self.session, self.next, self.failed = 0, 0, False
        self._frame: bytearray | None = bytearray()
        self._left, self._zero = 0, False
        self._begun = False

    def feed(self, line: bytes) -> bytes:
        return b"".join(self._byte(byte) for byte in line)

    def _byte(self, byte: int) -> bytes:
        if byte == 0:
            frame, whole = self._frame, self._begun and self._left == 0
            self._frame, self._left, self._zero, self._begun = bytearray(), 0, False, False
            if frame is None or not whole or len(frame) % 4 or not 12 <= len(frame) <= 4 + 4 * 255:
                return b""
            if crc(frame[:-4]) != int.from_bytes(frame[-4:], "little"):
                return b""
            return self._answer(frame[:-4])
        if self._left == 0:
            if self._begun and self._zero:
                self._append(0)
            self._left, self._zero, self._begun = byte - 1, byte != 255, True
        else:
            self._left -= 1
            self._append(byte)
        return b""

    def _append(self, byte: int) -> None:
        if self._frame is not None:
            self._frame.append(byte)
            if len(self._frame) >= self.buffer:
                self._frame = None  # no room: the frame is lost

    def _answer(self, frame: bytearray) -> bytes:
        session, sequence, operation, count = frame[:4]
        address = int.from_bytes(frame[4:8], "little")
        payload = [int.from_bytes(frame[i : i + 4], "little") for i in range(8, len(frame), 4)]
        status, words = self._do(session, sequence, operation, count, address, payload)
        body = bytes([session, sequence]) + b"".join(word.to_bytes(4, "little") for word in words)
        body += bytes([self.next, status | (0x80 if self.interrupt else 0)])
        return self._stuff(body + crc(body).to_bytes(4, "little"))

    def _do(self, session, sequence, operation, count, address, payload) -> tuple[int, list[int]]:
        known = {0, 1, 4, 5} | ({2, 3} if self.external_bytes else set())
        writes = operation in (1, 3)
        if operation not in known or len(payload) != (count if writes else 0):
            return Status.BAD_REQUEST, []
        if operation in (0, 2, 4):
            return self._read(operation, count, address)
        if operation == Operation.OPEN:
            if session != self.session:
                self.session, self.next, self.failed = session, 0, False
            return Status.OK, []
        if session == 0 or session != self.session:
            return Status.NO_SESSION, []
        if self.failed:
            return Status.BUS_ERROR, []
        behind = (self.next - sequence) % 256
        if behind:
            return (Status.OK if behind < 128 else Status.OUT_OF_ORDER), []
        self.next = (self.next + 1) % 256
        for i, word in enumerate(payload):
            self._write(operation, address + 4 * i, word)
        return (Status.BUS_ERROR if self.failed else Status.OK), []

    def _write(self, operation: int, address: int, word: int) -> None:
        self.executed.append((operation, address, word))
        if operation == Operation.EXTERNAL_WRITE:
            self.external[address] = word
        elif address in FAULTY:
            self.failed = True
        elif address == COUNTER:
            self.control[COUNTER] = self.control.get(COUNTER, 0) + 1
        else:
            self.control[address] = word

    def _read(self, operation: int, count: int, address: int) -> tuple[int, list[int]]:
        memory = {0: self.control, 2: self.external}.get(operation)
        addresses = range(address, address + 4 * count, 4)
        if memory is None:
            return Status.OK, [self.info.get(a >> 2 & 7, 0) for a in addresses]
        bad = operation == Operation.READ and any(a in FAULTY for a in addresses)
        return (Status.BUS_ERROR if bad else Status.OK), [memory.get(a, 0) for a in addresses]

    @staticmethod
    def _stuff(body: bytes) -> bytes:
        out, code = bytearray(), 1
        for byte in body:
            if byte == 0:
                out.append(code)
                code = 1
                continue
            out.append(byte)
            code += 1
            if code == 255:
                out.append(255)
                code = 1
        out += bytes([code, 0])
        return bytes(out)


class Line:
    """A serial port with a board at its other end; time passes when nothing comes.

    Parameters
    ----------
    noise:
        Probability with which each byte, in both directions, is lost; as much that it comes twice; as much that one of
        its bits is turned.
    before_answer:
        Called with what is written, before the board gets it.
    """

    def __init__(
        self, board: Board, *, noise: float = 0.0, seed: int = 0, before: Callable[[bytes], None] | None = None
    ):
        self.board, self.noise, self.rng, self.before = board, noise, random.Random(seed), before
        self.time, self.sent, self.received = 0.0, 0, 0
        self.closed, self.mute = False, False
        self._coming = bytearray()

    def write(self, data: bytes) -> None:
        if self.before is not None:
            self.before(data)
        self.sent += len(data)
        self._coming += self._disturb(self.board.feed(self._disturb(data)))

    def read(self) -> bytes:
        if not self._coming or self.mute:
            self.time += 0.01
            return b""
        count = self.rng.randint(1, 600)
        data, self._coming = bytes(self._coming[:count]), self._coming[count:]
        self.received += len(data)
        self.time += 1e-5 * len(data)
        return data

    def discard(self) -> None:
        self._coming.clear()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def close(self) -> None:
        self.closed = True

    def _disturb(self, data: bytes) -> bytes:
        if not self.noise:
            return data
        out = bytearray()
        for byte in data:
            lot = self.rng.random() / self.noise
            if lot < 1:
                continue
            if lot < 2:
                out.append(byte)
            elif lot < 3:
                byte ^= 1 << self.rng.randrange(8)
            out.append(byte)
        return bytes(out)
