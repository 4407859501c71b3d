# SPDX-License-Identifier: Apache-2.0
"""Moving what will be late: timing-driven detailed placement of ECP5 designs, between nextpnr's placer and router.

nextpnr's placer weighs wires by how near their paths come to the slowest one. That is good on the whole, but leaves
some paths of a large design far slower than they need be, and a router cannot mend a cell that lies in the wrong
place. Here cells on slow paths go where all their paths are fastest, if need be in exchange
with, or after moving, others that have time to spare.

::

    nextpnr --no-route ─► placed design ─► refine ─► placed design ─► nextpnr --no-pack --no-place

    placement.py   cells, wires and places, read from nextpnr's JSON and written back
    times.py       when every wire has its value and when it must, from estimates of delays
    rules.py       what may lie together in a tile
    units.py       cells that keep their places to each other, and move together
    costs.py       what a place costs
    mover.py       the moves

That what is slow costs by a power is of Marquardt, Betz, Rose, "Timing-driven placement for FPGAs" (2000); here no
chance is in it: a move is made if it helps. All arithmetic is on whole numbers: the same design comes out on every
machine.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from .mover import Mover
from .placement import Placement
from .times import Times

__all__ = ["Refined", "refine_file"]


@dataclass(frozen=True)
class Refined:
    """What has been done.

    Parameters
    ----------
    moves:
        How often a unit of cells has moved.
    before, after:
        Picoseconds of the slowest path, as estimated.
    """

    moves: int
    before: int
    after: int

    def __str__(self) -> str:
        before, after = self.before / 1000, self.after / 1000
        return f"{self.moves} moves, the slowest path by estimate {before:.1f} ns before and {after:.1f} after"


def refine_file(placed: Path, clock_hz: float) -> Refined:
    """Move cells of a design that nextpnr has placed, and make it ready for routing, in place.

    Parameters
    ----------
    placed:
        The design as nextpnr writes it. Afterwards it is for ``--no-pack --no-place``, and says itself which clock the
        router is to aim at.
    clock_hz:
        That clock.
    """
    design = json.loads(placed.read_text())
    (module,) = design["modules"].values()
    placement = Placement(module)
    times = Times(placement, round(1e12 / clock_hz))
    before = times.slowest()
    mover = Mover(placement, times)
    moves = mover.improve()
    after = times.slowest()
    if after > before:  # nothing forbids that: every move is a step for the better as seen from where it is made
        placement, moves, after = Placement(module), 0, before
    placement.write_back()
    module["settings"]["target_freq"] = f"{clock_hz:f}"  # which nextpnr takes for what --freq said
    placed.write_text(json.dumps(design))
    return Refined(moves, before, after)
