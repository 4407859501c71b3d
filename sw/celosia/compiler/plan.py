# SPDX-License-Identifier: Apache-2.0
"""How a DEPTHWISE command can compute a filter: which streams, and which two outputs a column pair makes."""

from dataclasses import dataclass

from celosia.arch.isa import Routing

from .layouts import Need

__all__ = ["PLANS", "Plan"]


@dataclass(frozen=True)
class Plan:
    """One way to use the four segments of the array.

    Parameters
    ----------
    along:
        The second sample, and the second output, are the next pixel's; else those of the next row.
    both:
        Column 2c + 1 makes the second output; else it idles.
    """

    routing: Routing
    along: bool
    both: bool

    @property
    def row_streams(self) -> int:
        """Image rows that the array sees at once."""
        return {Routing.ROWS: 4, Routing.PAIRS: 1 if self.along else 2, Routing.SINGLE: 1}[self.routing]

    @property
    def pixel_streams(self) -> int:
        """Neighbouring pixels that are read in one step."""
        return 2 if self.along else 1

    @property
    def streams(self) -> int:
        """Segments, or joined segments, of the array."""
        return self.row_streams * self.pixel_streams

    @property
    def both_rows(self) -> bool:
        return self.both and not self.along

    @property
    def both_pixels(self) -> bool:
        return self.both and self.along

    @property
    def needs_of_input(self) -> Need:
        return Need(2 if self.along else 1, 2 if self.row_streams > 1 else 1)

    @property
    def needs_of_output(self) -> Need:
        return Need(2 if self.both_pixels else 1, 2 if self.both_rows else 1, self.both_pixels)

    @property
    def name(self) -> str:
        """As the command set calls it."""
        kind = self.routing.name.lower() + (" along" if self.along else "")
        return kind + (", two outputs" if self.both else ", one output")


PLANS = tuple(
    Plan(routing, along, both)
    for routing, along in (
        (Routing.ROWS, False), (Routing.PAIRS, False), (Routing.PAIRS, True), (Routing.SINGLE, False),
    )
    for both in (True, False)
)  # fmt: skip
