# SPDX-License-Identifier: Apache-2.0
"""Icepi Zero: an LFE5U-25F in the shape of a Raspberry Pi Zero."""

from typing import Any

from ..arch.config import preset
from ..gateware.family import Device, Family
from .board import Board
from .parts import LFE5U_25F

__all__ = ["ICEPI_ZERO"]

DEVICE = Device(Family.ECP5, multipliers=LFE5U_25F.multipliers)


def _platform() -> Any:
    from amaranth_boards.icepi_zero import IcepiZero1_3Platform

    class Platform(IcepiZero1_3Platform):
        celosia_device = DEVICE

    return Platform()


ICEPI_ZERO = Board(
    name="icepi-zero",
    title="Icepi Zero (1.3)",
    part=LFE5U_25F,
    platform=_platform,
    device=DEVICE,
    # 8x8 with memories for 56 blocks: keyword spotting (its pooling on the host) and the streaming wake word fit,
    # ResNet-8 does not. No network that fits adds tensors, and the board's SDRAM is left alone. Without the engines for
    # them, with one command at a time, and with a bus of 32 bits, which only the serial link waits for, registers and
    # LUTs stay free that nextpnr's placer needs to spread the others (bitstreams/README.md).
    config=preset("c64").replace(
        name="c64-25f",
        weight_bytes=54 << 10,
        activation_bytes=16 << 10,
        parameter_records=1024,
        program_commands=32,
        bus_bits=32,
        elementwise=False,
        external=False,
        overlap=False,
    ),
    crystal_hz=50e6,
    clock_hz=100e6,
    baud=3_000_000,  # as fast as the FT231X goes
    lamps=(("heartbeat", "led", 0), ("running", "led", 1), ("done", "led", 2), ("error", "led", 3)),
    loader=("-b", "icepi-zero"),
    usb=((0x0403, 0x6015),),
    notes="The USB-C port beside the FTDI chip. The serial port and programming share it.",
)
