# SPDX-License-Identifier: Apache-2.0
"""The core's registers as operations: identify, reset, start, and explain errors."""

from collections.abc import Callable

from celosia.arch.isa import COMMAND_BYTES, ErrorCause, IllegalCommandError, Space, decode
from celosia.arch.registers import IDENTITY, Control, Register, Status, space_bytes, window
from celosia.arch.version import VERSION

from .errors import DeviceError
from .program import Program
from .transport import Transport

__all__ = ["identify", "read_cycles", "read_window", "reset", "start", "write_window"]

_POLLS = 1 << 12

_CAUSES = {
    ErrorCause.ILLEGAL_COMMAND: "it is no legal command",
    ErrorCause.PROGRAM_OVERRUN: "the program ran past the end of the program memory",
    ErrorCause.BUS_READ: "external memory answered a read with an error",
    ErrorCause.BUS_WRITE: "external memory answered a write with an error",
    ErrorCause.OUT_OF_BOUNDS: "it transfers bytes outside the memory it may touch",
    ErrorCause.TIMEOUT: "no engine made progress in the time allowed",
}


def identify(transport: Transport) -> None:
    """Check that a core of the transport's configuration is there.

    Raises
    ------
    DeviceError
        There is none, or another version or configuration.
    """
    config = transport.config
    identity = transport.read(Register.ID)
    if identity != IDENTITY:
        raise DeviceError(f"no Celosia core answers: ID reads {identity:#010x}, not {IDENTITY:#010x}; check the board")
    version = transport.read(Register.VERSION)
    if version != VERSION[0] << 16 | VERSION[1]:
        raise DeviceError(
            f"the core has version {version >> 16}.{version & 0xFFFF}, "
            f"this software {VERSION[0]}.{VERSION[1]}: build the core again, or install its software"
        )
    found = transport.read(Register.HASH_LOW) | transport.read(Register.HASH_HIGH) << 32
    if found != config.hash:
        raise DeviceError(
            f"the core's configuration has hash {found:#018x}, {config.name} has {config.hash:#018x}: "
            f"choose the configuration the core was built with"
        )


def reset(transport: Transport) -> None:
    """Bring the core to idle, whatever it does. Raises DeviceError when it does not get there."""
    transport.write(Register.CONTROL, Control.RESET)
    for _ in range(_POLLS):
        if not transport.read(Register.STATUS):
            return
    status = transport.read(Register.STATUS)
    raise DeviceError(f"the core does not become idle after a reset: STATUS reads {status:#x}; power it down")


def start(
    transport: Transport,
    program: Program,
    index: int,
    max_cycles: int | None = None,
    progress: Callable[[int], None] | None = None,
    place: int | None = None,
) -> None:
    """Run the program from command ``index`` until it is done.

    Parameters
    ----------
    place:
        Where the command is in the program memory; None is ``index``.

    Raises
    ------
    DeviceError
        The machine stopped with an error; the message names cause, command, and layer.
    TransportError
        It did not stop within ``max_cycles``.
    """
    reset(transport)
    transport.write(Register.INTERRUPT, 0b11)  # enabled, and nothing pending
    first = index if place is None else place
    transport.write(Register.START, first)
    transport.write(Register.CONTROL, Control.START)
    transport.wait(max_cycles, progress)
    status = transport.read(Register.STATUS)
    transport.write(Register.INTERRUPT, 0b10)
    if status & Status.ERROR:
        raise DeviceError(_explain(program, transport.read(Register.ERROR), index - first))
    if not status & Status.DONE:
        raise DeviceError(f"the core raised its interrupt while STATUS reads {status:#x}; reset the board")


def _explain(program: Program, error: int, offset: int) -> str:
    """What the ERROR register says, in words; ``offset`` is from places in the program memory to commands."""
    index = (error >> 16) + offset
    try:
        why = _CAUSES[ErrorCause(error & 0xFF)]
    except (KeyError, ValueError):
        why = f"cause {error & 0xFF:#04x}, which this software does not know"
    where = f"command {index}"
    try:
        command = decode(program.commands[index * COMMAND_BYTES : (index + 1) * COMMAND_BYTES])
    except IllegalCommandError:
        return f"the core stopped at {where}: {why}; compile the network again"
    layer = program.layers[command["layer"]].name if command["layer"] < len(program.layers) else ""
    return (
        f"the core stopped at {where} ({command['opcode'].name} of layer {command['layer']} {layer!r}): "
        f"{why}; compile the network again, or check the external memory"
    )


def read_cycles(transport: Transport) -> int:
    """Cycles of the last run."""
    return transport.read(Register.CYCLES_LOW) | transport.read(Register.CYCLES_HIGH) << 32


def write_window(transport: Transport, space: Space, address: int, data: bytes) -> None:
    """Write bytes of a local memory; up to three more, so that whole words are written, become 0.

    Raises
    ------
    DeviceError
        They do not fit the memory.
    """
    _check_window(transport, space, address, len(data))
    transport.write_block(window(transport.config, space) + address, data + bytes(-len(data) % 4))


def read_window(transport: Transport, space: Space, address: int, size: int) -> bytes:
    """Bytes of a local memory. Raises DeviceError when they are not all inside."""
    _check_window(transport, space, address, size)
    return transport.read_block(window(transport.config, space) + address, size + -size % 4)[:size]


def _check_window(transport: Transport, space: Space, address: int, size: int) -> None:
    there = space_bytes(transport.config, space)
    if address % 4 or address + size > there:
        raise DeviceError(f"bytes {address} to {address + size} are not inside the {there} of {space.name.lower()}")
