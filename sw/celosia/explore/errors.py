# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in an exploration besides points that cannot be, which are results."""

__all__ = ["ExploreError"]


class ExploreError(ValueError):
    """An exploration that cannot be made; one line says what is missing and what to do."""
