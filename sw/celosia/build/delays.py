# SPDX-License-Identifier: Apache-2.0
"""How long an ECP5's cells take, in picoseconds: nextpnr's figures for speed grade 6, rounded; and its clock ports."""

import re

__all__ = ["ALONG_CARRY", "CARRY", "CLOCK", "LUT", "MEMORY_START", "MULTIPLEXER", "START"]

CLOCK = re.compile(r"CLK|WCK")
"""Ports that clocks enter, at which no path ends."""

START = {"TRELLIS_FF": 525, "MULT18X18D": 1500, "DP16KD": 1000}
"""From the clock to an output."""

MEMORY_START = 1100
"""The same of a distributed memory."""

LUT, MULTIPLEXER = 240, 180
"""Through a LUT, and through a multiplexer that joins two."""

CARRY, ALONG_CARRY = 450, 35
"""Into or out of a carry chain, and along a bit of it."""
