# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in a measurement besides models, configurations and devices."""

__all__ = ["BenchError"]


class BenchError(ValueError):
    """A measurement that cannot be made; one line says what is missing and what to do."""
