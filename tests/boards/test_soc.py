# SPDX-License-Identifier: Apache-2.0
"""The system is put together as its configuration and its board say; what it does is tested where it is simulated."""

import pytest
from amaranth.hdl import Fragment

from celosia.arch.config import preset
from celosia.boards.lights import LIGHTS
from celosia.boards.soc import Soc
from celosia.gateware.sdram import ULX3S

CONFIG = preset("c16")


def blocks(soc):
    """Names of the blocks of an elaborated system."""
    return {name for _, name, *_ in Fragment.get(soc, None).subfragments}


@pytest.mark.parametrize(
    ("external", "sdram", "memory"),
    [(True, None, {"no_memory"}), (True, ULX3S, {"sdram", "arbiter"}), (False, ULX3S, {"no_memory"})],
)
def test_external_memory_is_there_where_board_and_core_have_it(external, sdram, memory):
    soc = Soc(CONFIG.replace(external=external), clock_hz=100_000_000, baud=3_000_000, sdram=sdram)
    with_pins = "sdram" in memory
    assert ("sdram" in soc.signature.members) == with_pins
    assert blocks(soc) == {"core", "link", "lights"} | memory


def test_the_line_rests_high_before_anything_has_happened():
    soc = Soc(CONFIG, clock_hz=100_000_000, baud=3_000_000)
    assert (soc.rx.init, soc.tx.init) == (1, 1)
    assert {"rx", "tx", *LIGHTS} == set(soc.signature.members)
    blocks(soc)
