# SPDX-License-Identifier: Apache-2.0
"""Radiona ULX3S with an LFE5U-85F: the board that the default configuration is made for."""

from typing import Any

from ..arch.config import preset
from ..gateware.family import Device, Family
from ..gateware.sdram import ULX3S
from .board import Board
from .parts import LFE5U_85F

__all__ = ["ULX3S_85F"]

DEVICE = Device(Family.ECP5, multipliers=LFE5U_85F.multipliers)


def _platform() -> Any:
    from amaranth_boards.ulx3s import ULX3S_85F_Platform

    class Platform(ULX3S_85F_Platform):
        celosia_device = DEVICE

    return Platform()


ULX3S_85F = Board(
    name="ulx3s-85f",
    title="Radiona ULX3S (85F)",
    part=LFE5U_85F,
    platform=_platform,
    device=DEVICE,
    config=preset("c256"),
    crystal_hz=25e6,
    clock_hz=125e6,
    baud=3_000_000,  # as fast as the FT231X goes
    lamps=(("heartbeat", "led", 0), ("running", "led", 1), ("done", "led", 2), ("error", "led", 3)),
    sdram=ULX3S,
    loader=("-b", "ulx3s"),
    usb=((0x0403, 0x6015),),
    notes="USB port US1. The serial port and programming share one chip: close the port before programming.",
)
