# SPDX-License-Identifier: Apache-2.0
"""Settings that nextpnr reads from the netlist."""

import json

import pytest

from celosia.boards import BOARDS
from celosia.build.settings import ROUTER, set_file


def test_settings_are_written_as_nextpnr_writes_them(tmp_path):
    netlist = tmp_path / "top.json"
    netlist.write_text(json.dumps({"modules": {"top": {"cells": {"lut": {"type": "LUT4"}}}}}))
    set_file(netlist, {"router2/bbMargin/x": 8, "router2/estimateWeight": 1.0})
    assert json.loads(netlist.read_text())["modules"]["top"] == {
        "cells": {"lut": {"type": "LUT4"}},
        "settings": {"router2/bbMargin/x": "0" * 28 + "1000", "router2/estimateWeight": "1.000000"},
    }


@pytest.mark.parametrize("part", ROUTER)
def test_what_has_settings_is_the_fpga_of_a_board(part):
    assert part in {board.part.name for board in BOARDS.values()}
