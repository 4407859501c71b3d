# SPDX-License-Identifier: Apache-2.0
"""Which carries of a netlist are disconnected, and that no others are."""

import pytest

from celosia.build.carries import trim_carries

DIRECTIONS = {"CIN": "input", "COUT": "output", "C0": "input", "D0": "input", "S0": "output", "S1": "output"}


def cell(init0: str, **connections):
    ports = {"CIN": ["0"], "COUT": [9], "C0": ["1"], "D0": ["1"], "S0": [6], "S1": [8], **connections}
    return {"type": "CCU2C", "parameters": {"INIT0": init0}, "port_directions": DIRECTIONS, "connections": ports}


START, SUM = "0000000000001111", "0111100010001000"


def trimmed(*cells) -> list[dict]:
    ports = {"sum": {"direction": "output", "bits": [8, 7]}}
    design = {"modules": {"top": {"ports": ports, "cells": {str(i): one for i, one in enumerate(cells)}}}}
    count = trim_carries(design)
    loose = sum(one["connections"][port] == ["x"] for one in cells for port in ("CIN", "COUT"))
    assert count == loose
    return [one["connections"] for one in cells]


def test_both_ends_of_a_chain_come_loose_and_what_lies_between_stays():
    first, last = trimmed(cell(START, COUT=[3]), cell(SUM, CIN=[3]))
    assert (first["CIN"], first["COUT"], last["CIN"], last["COUT"]) == (["x"], [3], [3], ["x"])


def test_a_carry_that_is_an_output_stays():
    (only,) = trimmed(cell(START, COUT=[7]))
    assert only["COUT"] == [7]


@pytest.mark.parametrize(
    "start",
    [
        cell(SUM),  # propagates the carry
        cell(START, D0=[4]),  # may propagate it
        cell(START, S0=[8]),  # has it in its sum
        cell(START, CIN=[5]),  # is no constant
    ],
)
def test_a_first_carry_that_counts_stays(start):
    before = list(start["connections"]["CIN"])
    (only,) = trimmed(start)
    assert only["CIN"] == before
