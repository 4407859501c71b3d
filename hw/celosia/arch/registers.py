# SPDX-License-Identifier: Apache-2.0
"""The control bus: registers, and one window per local memory.

AXI4-Lite, 32-bit data, byte addresses. Registers sit at the bottom; memory ``space`` is visible at
``window(config, space)``: weights, activations and program as their bytes, parameters as 16-byte records
(:data:`PARAMETER_RECORD`). Windows may be used at any time; they yield to the computation.
"""

import enum

import numpy as np

from .config import Config
from .isa import COMMAND_BYTES, Space

__all__ = [
    "IDENTITY", "PARAMETER_BYTES", "PARAMETER_RECORD", "Control", "Register", "Status",
    "control_address_bits", "space_bytes", "stored", "window", "window_bits",
]  # fmt: skip

IDENTITY = int.from_bytes(b"CELO", "little")
"""What the ID register reads."""


class Register(enum.IntEnum):
    """Byte addresses of the registers. All read; those marked W also write; the others ignore writes."""

    ID = 0x00  # IDENTITY
    VERSION = 0x04  # major << 16 | minor
    HASH_LOW = 0x08  # Config.hash
    HASH_HIGH = 0x0C
    CONTROL = 0x10  # W: Control; reads 0
    STATUS = 0x14  # Status
    ERROR = 0x18  # ErrorCause in bits 7:0; index of the command in bits 31:16
    INTERRUPT = 0x1C  # W: bit 0 enables; bit 1 reads pending, writing 1 clears it
    START = 0x20  # W: index of the first command
    TIMEOUT = 0x24  # W: cycles without progress after which the machine stops; 0 is never
    EXTERNAL_BASE = 0x28  # W: byte address that external addresses are relative to
    EXTERNAL_SIZE = 0x2C  # W: bytes from there that LOAD and STORE may touch
    CYCLES_LOW = 0x30  # cycles from start to done (or until now), 64 bits
    CYCLES_HIGH = 0x34  # of them, the upper half; the counters below read 0 in a core of one command at a time
    VECTORS = 0x38  # cycles in which the feeder issued a vector to the array
    WAITS = 0x3C  # cycles in which a command waited for the commands it depends on
    LOAD_BUSY = 0x40  # cycles in which each engine had a command
    STORE_BUSY = 0x44
    CONV_BUSY = 0x48
    ELEMENTWISE_BUSY = 0x4C


def stored(config: Config) -> tuple[Register, ...]:
    """Registers that keep what is written, of those that this core has: of START, TIMEOUT, EXTERNAL_BASE and
    EXTERNAL_SIZE the ones that its programs have a use for. The others read 0 and ignore writes."""
    return (
        Register.START,
        *((Register.TIMEOUT,) if config.may_hang else ()),
        *((Register.EXTERNAL_BASE, Register.EXTERNAL_SIZE) if config.external else ()),
    )


class Control(enum.IntFlag):
    """Bits of CONTROL. START while running is ignored; RESET returns every engine to idle and
    clears ERROR and the counters, never the memories or the W registers."""

    START = 1
    RESET = 2


class Status(enum.IntFlag):
    """Bits of STATUS. After reset none is set; exactly one of RUNNING, DONE, ERROR is set after a start."""

    RUNNING = 1
    DONE = 2
    ERROR = 4
    DRAINING = 8  # bus transactions of an aborted or reset program are still being completed


PARAMETER_RECORD = np.dtype([("bias", "<i4"), ("multiplier", "<i4"), ("exponent", "i1"), ("reserved", "V7")])
"""One output channel in the parameter memory; reserved bytes are not stored and read 0."""

PARAMETER_BYTES = PARAMETER_RECORD.itemsize


def space_bytes(config: Config, space: Space) -> int:
    """Bytes of a local memory as its window and LOAD/STORE see it."""
    return {
        Space.WEIGHTS: config.weight_bytes,
        Space.ACTIVATIONS: config.activation_bytes,
        Space.PARAMETERS: config.parameter_records * PARAMETER_BYTES,
        Space.PROGRAM: config.program_commands * COMMAND_BYTES,
    }[space]


def window_bits(config: Config) -> int:
    """Address bits inside one window: the largest local memory, rounded up."""
    return max((space_bytes(config, space) - 1).bit_length() for space in Space)


def window(config: Config, space: Space) -> int:
    """Byte address of a local memory's window on the control bus."""
    return (1 + space.value) << window_bits(config)


def control_address_bits(config: Config) -> int:
    """Width of the control bus's byte address."""
    return window_bits(config) + 3
