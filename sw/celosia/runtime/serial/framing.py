# SPDX-License-Identifier: Apache-2.0
"""Frames on the serial line: requests into bytes, bytes into answers.

Both directions use consistent overhead byte stuffing (Cheshire and Baker, 1999): a block of up to 254 bytes without a
zero has a code that says how long it is. Requests have the code in front of the block, as usual, so that a board can
decode them as they come; answers have it behind, so that a board can encode them as they go.
"""

import zlib
from dataclasses import dataclass

from celosia.arch.link import ANSWER_BYTES, COBS_FULL, CRC_BYTES, DELIMITER, INTERRUPT, STATUS_MASK, Operation, Status

__all__ = ["Answer", "AnswerReader", "request_frame"]

_BLOCK = COBS_FULL - 1  # bytes
_END = bytes([DELIMITER])
_STATUSES = {status.value: status for status in Status}
_LONGEST = 2048  # bytes without a delimiter that can still become an answer


@dataclass(frozen=True)
class Answer:
    """What a board answered.

    Parameters
    ----------
    session, sequence:
        Of the request.
    data:
        Words read.
    next:
        Sequence number of the write that the open session expects next.
    status:
        How it went; None if the board gave a number that this software does not know.
    interrupt:
        The core's interrupt pin.
    """

    session: int
    sequence: int
    data: bytes
    next: int
    status: Status | None
    interrupt: bool


def request_frame(
    session: int, sequence: int, operation: Operation, address: int, count: int, payload: bytes = b""
) -> bytes:
    """A request as it goes over the line, delimiter included."""
    header = bytes((session, sequence, operation, count)) + address.to_bytes(4, "little")
    body = header + payload
    body += zlib.crc32(body).to_bytes(CRC_BYTES, "little")
    out = bytearray()
    for run in body.split(b"\0"):
        full, rest = divmod(len(run), _BLOCK)
        for i in range(full):
            out.append(COBS_FULL)
            out += run[i * _BLOCK : (i + 1) * _BLOCK]
        out.append(rest + 1)
        out += run[full * _BLOCK :]
    return bytes(out) + _END


class AnswerReader:
    """Finds answers in what comes from the line; whatever is no answer is skipped.

    Attributes
    ----------
    skipped:
        Bytes that were no part of an answer.
    """

    def __init__(self):
        self.skipped = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that ``data`` completes."""
        *frames, self._rest = (self._rest + data).split(_END)
        if len(self._rest) > _LONGEST:
            self.skipped += len(self._rest)
            self._rest = b""
        answers: list[Answer] = []
        for frame in frames:
            answer = _answer(frame)
            if answer is None:
                self.skipped += len(frame)
            else:
                answers.append(answer)
        return answers


def _answer(frame: bytes) -> Answer | None:
    body = _unstuff(frame)
    if body is None or len(body) < ANSWER_BYTES + CRC_BYTES or len(body) % 4:
        return None
    if zlib.crc32(body[:-CRC_BYTES]) != int.from_bytes(body[-CRC_BYTES:], "little"):
        return None
    session, sequence = body[0], body[1]
    next_, last = body[-CRC_BYTES - 2], body[-CRC_BYTES - 1]
    code = last & STATUS_MASK
    return Answer(session, sequence, body[2 : -CRC_BYTES - 2], next_, _STATUSES.get(code), bool(last & INTERRUPT))


def _unstuff(frame: bytes) -> bytes | None:
    """The bytes of a frame with its codes behind its blocks; None if the codes do not fit."""
    parts: list[bytes] = []
    end = len(frame)
    while end > 0:
        code = frame[end - 1]
        if code > end:
            return None
        parts.append(frame[end - code : end - 1] + (b"" if code == COBS_FULL else b"\0"))
        end -= code
    return b"".join(reversed(parts))[:-1]
