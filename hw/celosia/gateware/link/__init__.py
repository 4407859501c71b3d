# SPDX-License-Identifier: Apache-2.0
"""The board's end of the serial link (docs/link.md)."""

from .link import Link

__all__ = ["Link"]
