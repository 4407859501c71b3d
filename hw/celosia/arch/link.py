# SPDX-License-Identifier: Apache-2.0
"""The serial link between a host and a board: every number both ends must agree on.

docs/link.md says how they are used. Bytes go over a UART, 8 data bits, no parity, one stop bit, least significant
bit first; words and addresses are little-endian.
"""

import enum

__all__ = [
    "ANSWER_BYTES",
    "BAUD",
    "BUFFER_BYTES",
    "COBS_FULL",
    "CRC_BYTES",
    "CRC_POLYNOMIAL",
    "CRC_RESIDUE",
    "DELIMITER",
    "HEADER_BYTES",
    "INTERRUPT",
    "LINK_IDENTITY",
    "LINK_VERSION",
    "MAX_READ_WORDS",
    "MAX_WRITE_WORDS",
    "SEQUENCES",
    "SESSIONS",
    "STATUS_MASK",
    "WINDOW",
    "Info",
    "Operation",
    "Status",
    "write_words",
]  # fmt: skip

LINK_VERSION = 1
"""Changes whenever one end could misunderstand the other."""

LINK_IDENTITY = int.from_bytes(b"CL", "little")
"""Upper half of the first information word; the version is the lower."""

BAUD = 3_000_000
"""Bits a second where nobody says otherwise: the most that common USB bridges (FT231X, CH343) do."""

# --- frames ---

DELIMITER = 0x00
"""The byte that ends a frame and occurs in none."""

COBS_FULL = 0xFF
"""The code of a block of 254 bytes that no zero follows."""

CRC_POLYNOMIAL = 0xEDB88320
"""CRC-32 of IEEE 802.3 (zlib.crc32), reflected: the register begins with ones, and is sent inverted, low byte first."""

CRC_RESIDUE = 0xDEBB20E3
"""What the register holds after a frame and its right CRC."""

CRC_BYTES = 4
HEADER_BYTES = 8
"""Of a request: session, sequence, operation, count, address (4 bytes)."""

ANSWER_BYTES = 4
"""Of an answer, besides its data: session and sequence in front, next sequence and status behind."""

# --- requests ---


class Operation(enum.IntEnum):
    """What a request asks for. Bit 0: it changes something; bits 2:1: of what."""

    READ = 0  # `count` words of the control bus from `address`
    WRITE = 1  # `count` words, which follow the header, to the control bus from `address`
    EXTERNAL_READ = 2  # the same of external memory
    EXTERNAL_WRITE = 3
    INFO = 4  # `count` words of information from byte `address`
    OPEN = 5  # open the session named in the header; 0 closes


class Status(enum.IntEnum):
    """How a request fared: bits 2:0 of an answer's last byte."""

    OK = 0  # done, now or when it first came
    BUS_ERROR = 1  # a bus answered with an error; after one on a write, a session writes no more
    NO_SESSION = 2  # not done: the session of this write is not the open one
    OUT_OF_ORDER = 3  # not done: a write before this one has not come
    BAD_REQUEST = 4  # not done: no such operation, or the frame's length does not fit it


STATUS_MASK = 0x07

INTERRUPT = 0x80
"""Bit of an answer's last byte: the core's interrupt pin."""

SEQUENCES = 256
"""Sequence numbers are counted modulo this; a write up to half of them behind is a repetition."""

SESSIONS = 256
"""Session numbers lie below; 0 is none."""


class Info(enum.IntEnum):
    """Words of information, by byte address."""

    VERSION = 0x00  # LINK_IDENTITY << 16 | LINK_VERSION
    CLOCK_HZ = 0x04  # cycles of the core's clock a second
    EXTERNAL_BYTES = 0x08  # bytes of external memory the host can reach
    BUFFER_BYTES = 0x0C  # of received frames
    HASH_LOW = 0x10  # Config.hash
    HASH_HIGH = 0x14


# --- sizes ---

MAX_READ_WORDS = 255
"""Words that one request can ask for."""

MAX_WRITE_WORDS = 252
"""Words that one request can carry, into however large a buffer."""

WINDOW = 64
"""Requests that may be unanswered at once; far below SEQUENCES / 2."""

BUFFER_BYTES = 2048
"""Bytes of received frames a board holds where its block RAM allows: one DP16KD."""


def write_words(buffer_bytes: int) -> int:
    """Words that one request may carry: a frame fills at most little more than half of the buffer, so that the next
    one arrives while it is carried out."""
    return min(MAX_WRITE_WORDS, buffer_bytes // 8)
