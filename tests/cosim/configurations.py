# SPDX-License-Identifier: Apache-2.0
"""The cores that are cosimulated, by name: both widths of the external bus."""

from celosia.arch.config import Config, preset

__all__ = ["CONFIGURATIONS"]

CONFIGURATIONS: dict[str, Config] = {
    "c16": preset("c16"),
    "c16_wide": preset("c16").replace(name="c16_wide", bus_bits=64),
}
