# SPDX-License-Identifier: Apache-2.0
"""The FPGAs on the boards: what their data sheets count."""

from ..gateware.family import Family
from .board import Part

__all__ = ["GW2A_18C", "ICE40UP5K", "LFE5U_25F", "LFE5U_85F"]

LFE5U_85F = Part(
    name="LFE5U-85F", family=Family.ECP5, luts=83_640, multipliers=156, block_rams=208, block_ram_bytes=2048
)
LFE5U_25F = Part(name="LFE5U-25F", family=Family.ECP5, luts=24_288, multipliers=28, block_rams=56, block_ram_bytes=2048)
GW2A_18C = Part(
    name="GW2A-18C",
    family=Family.GOWIN,
    luts=20_736,
    multipliers=48,  # MULT18X18, each also two MULT9X9
    block_rams=46,
    block_ram_bytes=2048,
    exact_timing=False,
)
ICE40UP5K = Part(
    name="iCE40UP5K",
    family=Family.ICE40,
    luts=5_280,
    multipliers=8,  # SB_MAC16, each also two 8x8
    block_rams=30,
    block_ram_bytes=512,
    large_rams=4,
    large_ram_bytes=32 << 10,
    exact_timing=False,
)
