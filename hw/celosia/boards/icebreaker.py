# SPDX-License-Identifier: Apache-2.0
"""1BitSquared iCEBreaker: an iCE40UP5K, the smallest there is."""

from typing import Any

from ..arch.config import preset
from ..gateware.family import Device, Family
from .board import Board
from .parts import ICE40UP5K

__all__ = ["ICEBREAKER"]

DEVICE = Device(Family.ICE40, multipliers=ICE40UP5K.multipliers)


def _platform() -> Any:
    from amaranth_boards.icebreaker import ICEBreakerPlatform

    class Platform(ICEBreakerPlatform):
        celosia_device = DEVICE

    return Platform()


ICEBREAKER = Board(
    name="icebreaker",
    title="1BitSquared iCEBreaker",
    part=ICE40UP5K,
    platform=_platform,
    device=DEVICE,
    # As little as makes 8 multiplications a cycle: one lane, CONV alone, one command at a time. Of the 30 block RAMs
    # activations have 16, parameters 5, accumulators and program 4 each, the link 1; weights are in the big memories.
    config=preset("c16").replace(
        name="c8-up5k",
        columns=2,
        lanes=1,
        line_steps=16,
        accumulators=256,
        weight_bytes=64 << 10,
        activation_bytes=8 << 10,
        parameter_records=256,
        program_commands=32,
        address_bits=16,
        depthwise=False,
        elementwise=False,
        external=False,
        overlap=False,
    ),
    crystal_hz=12e6,
    clock_hz=18e6,
    baud=2_000_000,  # a ninth of the clock; the FT2232H goes to 12 million
    buffer_bytes=512,  # one block RAM
    lamps=(),  # the logic cells are needed elsewhere
    loader=("-b", "ice40_generic"),
    volatile=False,
    usb=((0x0403, 0x6010),),
    notes="nextpnr's timing of this part's multipliers is approximate.",
)
