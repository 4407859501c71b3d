# SPDX-License-Identifier: Apache-2.0
"""What of a core's area is certain: who has multipliers, and how many block RAMs there are."""

from dataclasses import dataclass

from celosia.arch.config import Config
from celosia.gateware.control.program_memory import COMMAND_WORDS, FETCH_BITS
from celosia.gateware.datapath.multipliers import PER_LANE, share
from celosia.gateware.family import Device
from celosia.gateware.memory.blocks import banks_of, pieces_of, shapes_of
from celosia.gateware.memory.parameters import KEPT_BYTES

__all__ = ["Body", "body_of", "ram_blocks"]


@dataclass(frozen=True)
class Body:
    """What the parts of a core are made of, with the multipliers that there are.

    Parameters
    ----------
    lanes:
        Lanes with multipliers.
    rows:
        Rows of column pairs with a multiplier, over all pairs that have one in every row.
    odd_rows:
        The same of the one pair that has some.
    multipliers:
        All of them.
    """

    lanes: int
    rows: int
    odd_rows: int
    multipliers: int


def body_of(config: Config, device: Device) -> Body:
    """The body of an ECP5's or a Gowin's core (:mod:`celosia.gateware.datapath.columns.choice`)."""
    shared = share(config, device)
    rows = shared.pairs * config.rows
    multipliers = PER_LANE[device.family] * shared.lanes + rows + shared.odd_rows
    return Body(shared.lanes, rows, shared.odd_rows, multipliers)


def ram_blocks(config: Config, device: Device) -> int:
    """Block RAMs of a core."""

    def blocks(words: int, bits: int, granule: int, dual: bool = False) -> int:
        widths, lane = shapes_of(device, dual=dual)
        banks = banks_of(words, widths)
        return sum(-(-len(pieces_of(bits, granule, min(b.width, lane))) // max(1, b.width // lane)) for b in banks)

    sums, samples = 32 * config.columns, 16 * config.down_channels
    return (
        blocks(config.weight_words, 8 * config.weight_word_bytes, 8)
        + 2 * blocks(config.activation_lines, 8 * config.activation_word_bytes, 8, dual=True)
        + blocks(config.parameter_records, 8 * KEPT_BYTES, 8)
        + blocks(config.program_commands * COMMAND_WORDS, FETCH_BITS, 8)
        + blocks(config.accumulators, sums, sums)
        + (blocks(config.line_steps, samples, samples) if samples else 0)
    )
