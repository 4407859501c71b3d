# SPDX-License-Identifier: Apache-2.0
"""LOAD and STORE, drawn at random, and what they do to bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import Engine, Opcode, Space, encode
from celosia.arch.registers import PARAMETER_BYTES, PARAMETER_RECORD, space_bytes

__all__ = ["Block", "Memories", "as_stored", "random_block"]

STORED_BYTES = PARAMETER_RECORD.fields["reserved"][1]  # type: ignore[index] # of each record; the others read 0


@dataclass(frozen=True)
class Block:
    """A LOAD or STORE; fields as in :class:`celosia.arch.isa.Transfer`."""

    opcode: Opcode
    space: Space
    external: int
    local: int
    row_bytes: int
    rows: int = 1
    external_stride: int = 0
    local_stride: int = 0

    def encode(self, waits: Mapping[Engine, int] | None = None) -> bytes:
        """The command."""
        return encode(
            self.opcode, waits=waits, external_address=self.external, external_stride=self.external_stride,
            local_address=self.local, local_stride=self.local_stride, row_bytes=self.row_bytes, rows=self.rows,
            space=self.space,
        )  # fmt: skip

    def reversed(self) -> "Block":
        """The same block in the other direction."""
        opcode = Opcode.STORE if self.opcode is Opcode.LOAD else Opcode.LOAD
        return Block(opcode, *(getattr(self, name) for name in list(self.__dataclass_fields__)[1:]))


def as_stored(space: Space, offset: int, data: bytes) -> bytes:
    """What a local memory reads after ``data`` has been written at ``offset``."""
    if space is not Space.PARAMETERS:
        return data
    place = (offset + np.arange(len(data))) % PARAMETER_BYTES
    return np.where(place < STORED_BYTES, np.frombuffer(data, np.uint8), 0).astype(np.uint8).tobytes()


@dataclass
class Memories:
    """The bytes of all memories, as commands change them."""

    config: Config
    external: bytearray
    local: dict[Space, bytearray] = field(init=False)

    def __post_init__(self):
        self.local = {space: bytearray(space_bytes(self.config, space)) for space in Space}

    def move(self, block: Block) -> None:
        """Carry out a block, row by row."""
        local = self.local[block.space]
        for row in range(block.rows):
            there = block.external + row * block.external_stride
            here = block.local + row * block.local_stride
            if block.opcode is Opcode.LOAD:
                data = bytes(self.external[there : there + block.row_bytes])
                local[here : here + block.row_bytes] = as_stored(block.space, here, data)
            else:
                self.external[there : there + block.row_bytes] = local[here : here + block.row_bytes]


def random_block(
    rng: np.random.Generator, unit: int, opcode: Opcode, space: Space, external: range, local: range
) -> Block:
    """A block inside a part of the external and a part of the local memory; both begin at multiples of ``unit``.

    Parameters
    ----------
    unit:
        Bytes of a beat.
    """
    rows = int(rng.integers(1, 9))
    room = min(len(local), len(external)) // unit
    beats = int(min(rng.geometric(0.05), max(1, room // rows)))

    def place(part: range) -> tuple[int, int]:
        widest = (len(part) // unit - beats) // max(1, rows - 1) if rows > 1 else 0
        stride = int(rng.integers(0, min(widest, 2 * beats + 3) + 1))
        free = len(part) // unit - (rows - 1) * stride - beats
        return part.start + int(rng.integers(0, free + 1)) * unit, stride * unit

    (there, external_stride), (here, local_stride) = place(external), place(local)
    return Block(opcode, space, there, here, beats * unit, rows, external_stride, local_stride)
