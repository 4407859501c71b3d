# SPDX-License-Identifier: Apache-2.0
"""Who gets the multipliers of an FPGA.

Lanes first: three or four multipliers make a lane's product, which takes 1,000 LUTs or more without. In the array the
same three save less than 400. What is left goes to the array, a multiplier for the two products of a row and column
pair.
"""

from dataclasses import dataclass

from ...arch.config import Config
from ..family import Device, Family

__all__ = ["Share", "share"]

PER_LANE = {Family.ECP5: 3, Family.GOWIN: 3, Family.ICE40: 4}
"""Multipliers of one lane."""


@dataclass(frozen=True)
class Share:
    """Who has multipliers.

    Parameters
    ----------
    lanes:
        How many lanes.
    pairs:
        How many column pairs have one in every row, from the left.
    odd_rows:
        How many are left over: rows of the next pair, where a pair of both kinds of rows can be built.
    """

    lanes: int
    pairs: int
    odd_rows: int


def share(config: Config, device: Device) -> Share:
    """The multipliers of ``device`` for a core of configuration ``config``."""
    each = PER_LANE.get(device.family)
    lanes = min(config.lanes, device.multipliers // each) if each else 0
    array = device.multipliers - lanes * (each or 0)
    pairs = min(array // config.rows, config.pairs)
    return Share(lanes=lanes, pairs=pairs, odd_rows=array - pairs * config.rows if pairs < config.pairs else 0)
