# SPDX-License-Identifier: Apache-2.0
"""What a configuration can reach at most: its multipliers, and what its local memories deliver.

Roofline: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore
architectures", 2009. Performance is in MACs a cycle, intensity in MACs a byte that the array reads.
"""

from dataclasses import dataclass

from celosia.arch.config import Config

__all__ = ["Roof"]


@dataclass(frozen=True)
class Roof:
    """The roof over a configuration's layers."""

    config: Config

    @property
    def peak(self) -> int:
        """MACs a cycle when every multiplier works."""
        return self.config.macs_per_cycle

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights read a cycle at most: ``weight_rows`` rows of C."""
        return self.config.weight_rows * self.config.columns

    @property
    def activation_bytes(self) -> int:
        """Bytes of activations read a cycle at most: R across, or two samples of each channel down."""
        return max(self.config.rows, 2 * self.config.down_channels)

    @property
    def bandwidth(self) -> int:
        """Bytes a cycle, both memories together."""
        return self.weight_bytes + self.activation_bytes

    @property
    def ridge(self) -> float:
        """The intensity from which on the multipliers are the limit."""
        return self.peak / self.bandwidth

    def attainable(self, intensity: float) -> float:
        """MACs a cycle at most, at some MACs a byte."""
        return min(self.peak, self.bandwidth * intensity)
