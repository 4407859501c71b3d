# SPDX-License-Identifier: Apache-2.0
"""Sipeed Tang Primer 20K on its Dock: a Gowin GW2A-18C."""

from typing import Any

from ..arch.config import preset
from ..gateware.family import Device, Family
from .board import Board
from .parts import GW2A_18C

__all__ = ["TANG_PRIMER_20K"]

DEVICE = Device(Family.GOWIN, multipliers=GW2A_18C.multipliers)


def _platform() -> Any:
    from amaranth_boards.tang_primer_20k import TangPrimer20kDockPlatform

    class Platform(TangPrimer20kDockPlatform):
        celosia_device = DEVICE

    return Platform()


TANG_PRIMER_20K = Board(
    name="tang-primer-20k",
    title="Sipeed Tang Primer 20K Dock",
    part=GW2A_18C,
    platform=_platform,
    device=DEVICE,
    # 8x4 with memories for 46 blocks: keyword spotting fits, with its pooling on the host. No network that fits adds
    # tensors, and the board's DDR3 is left alone. For 8x8 there would be multipliers and LUTs, but nextpnr finds no
    # place for a MULT18X18 where it has put single MULT9X9: both kinds together must not be more than the 48.
    config=preset("c64").replace(
        name="c32-20k",
        columns=4,
        lanes=4,
        line_steps=256,
        accumulators=256,
        weight_bytes=36 << 10,
        activation_bytes=16 << 10,
        parameter_records=768,
        program_commands=32,
        elementwise=False,
        overlap=False,
        external=False,
    ),
    crystal_hz=27e6,
    clock_hz=45e6,  # a third of what nextpnr says, which does not know all delays of these FPGAs
    baud=2_000_000,
    lamps=(("heartbeat", "led", 0), ("running", "led", 1), ("done", "led", 2), ("error", "led", 3)),
    loader=("-b", "tangprimer20k"),
    usb=((0x0403, 0x6010),),
    notes="The Dock's switch that enables the core board must be on. nextpnr's timing of Gowin parts is approximate.",
)
