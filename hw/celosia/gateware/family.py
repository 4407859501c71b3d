# SPDX-License-Identifier: Apache-2.0
"""What a core is elaborated for: the FPGA family, and how many of its multipliers the core may use.

A block with a body per family asks :func:`device_of` for the platform it is elaborated with. A body is built
of primitives (:mod:`.primitives`), which become the vendor's cells for a real board and models of those cells for
a :class:`SimulatedPlatform`: so each body also runs in every simulator, alone and as part of a whole core.
"""

import enum
from dataclasses import dataclass

__all__ = ["PORTABLE", "Device", "Family", "SimulatedPlatform", "device_of"]


class Family(enum.Enum):
    """FPGA families with bodies of their own."""

    PORTABLE = "portable"  # plain operators, whatever a tool makes of them
    ECP5 = "ecp5"
    GOWIN = "gowin"
    ICE40 = "ice40"


@dataclass(frozen=True)
class Device:
    """An FPGA, as the gateware sees it.

    Parameters
    ----------
    family:
        Whose primitives there are.
    multipliers:
        Multiplier blocks the core may use: MULT18X18D (ECP5), MULT18X18 (Gowin; each also two MULT9X9), SB_MAC16
        (iCE40).
    simulated:
        Primitives are models, not the vendor's cells.
    """

    family: Family
    multipliers: int = 0
    simulated: bool = False


PORTABLE = Device(Family.PORTABLE)


@dataclass(frozen=True)
class SimulatedPlatform:
    """The platform to give to a simulator or to ``rtlil.convert``, to have a family's bodies simulated."""

    celosia_device: Device


def device_of(platform: object) -> Device:
    """The device of an Amaranth platform: its ``celosia_device``; portable where there is none."""
    return getattr(platform, "celosia_device", PORTABLE)
