# SPDX-License-Identifier: Apache-2.0
"""The boards are consistent: with themselves, with their FPGAs, and with Amaranth's pins."""

import dataclasses
from collections import Counter

import pytest
from amaranth.hdl import Fragment, Instance

from celosia.boards import BOARDS, BoardError, board
from celosia.boards.clocking import Clocking
from celosia.boards.lights import LIGHTS
from celosia.boards.pll import solve
from celosia.boards.soc import Soc
from celosia.boards.top import System
from celosia.build.fits import check_fits

ALL = pytest.mark.parametrize("name", BOARDS)


@ALL
def test_the_clock_can_be_made_and_the_serial_line_can_follow(name):
    known = BOARDS[name]
    pll = solve(known.part.family, known.crystal_hz, known.clock_hz)
    assert pll.output_hz == known.clock_hz
    assert known.clock_hz / known.baud >= 8  # cycles of a bit: 4 is the link's limit, 8 leaves it some margin
    assert System.of(known).clock_hz == round(known.clock_hz)  # whole hertz


@ALL
def test_the_local_memories_fit_by_their_bytes_alone(name):
    known, config = BOARDS[name], BOARDS[name].config
    part = known.part
    columns = 4 * config.columns * config.accumulators + config.columns * config.line_steps * config.depthwise
    small = columns + 9 * config.parameter_records + 64 * config.program_commands
    small += config.activation_bytes + known.buffer_bytes
    if part.large_rams:
        assert config.weight_bytes <= part.large_rams * part.large_ram_bytes
    else:
        small += config.weight_bytes
    assert small <= part.block_rams * part.block_ram_bytes


@ALL
def test_the_cells_that_are_named_outright_fit(name):
    known = BOARDS[name]

    class Platform:
        celosia_device = known.device

    soc = Soc(known.config, clock_hz=int(known.clock_hz), baud=known.baud, sdram=known.sdram)
    check_fits(known.part, Counter(cells(Fragment.get(soc, Platform()))))


def cells(fragment):
    """The types of all cells that a design names."""
    if isinstance(fragment, Instance):
        yield fragment.type
    for inner, *_ in fragment.subfragments:
        yield from cells(inner)


@ALL
def test_pins_are_where_the_board_file_says(name):
    pytest.importorskip("amaranth_boards", reason="needs amaranth-boards: pip install 'celosia[fpga]'")
    known = BOARDS[name]
    platform = known.platform()
    assert platform.celosia_device == known.device
    assert platform.default_clk_frequency == known.crystal_hz
    uart = platform.request("uart", 0, dir="-")
    assert (len(uart.rx), len(uart.tx)) == (1, 1)
    for light, resource, number in known.lamps:
        assert light in LIGHTS
        assert len(platform.request(resource, number, dir="-")) == 1
    if known.sdram is not None:
        pins = platform.request("sdram", 0, dir="-")
        assert (len(pins.dq), len(pins.ba), len(pins.dqm)) == (16, 2, 2)
        assert len(pins.a) >= known.sdram.row_bits
        assert all(pins.cs.invert + pins.we.invert)


@ALL
def test_the_clock_generator_uses_the_familys_cells(name):
    pytest.importorskip("amaranth_boards", reason="needs amaranth-boards: pip install 'celosia[fpga]'")
    known = BOARDS[name]
    platform = known.platform()
    plan = platform.prepare(Clocking(solve(known.part.family, known.crystal_hz, known.clock_hz)), "top")
    cell = {"ecp5": "EHXPLLL", "gowin": "rPLL", "ice40": "SB_PLL40_PAD"}[known.part.family.value]
    assert f"cell \\{cell} " in plan.files["top.il"]


def test_names_are_found_and_others_are_listed():
    assert board("ULX3S_85F") is BOARDS["ulx3s-85f"]
    with pytest.raises(BoardError, match=r"'de10'; choose one of ulx3s-85f, .*icebreaker"):
        board("de10")


def test_boards_that_cannot_be_are_refused():
    known = BOARDS["icebreaker"]
    with pytest.raises(BoardError, match="a lamp must show one of running"):
        dataclasses.replace(known, lamps=(("fuel", "led", 0),))
    with pytest.raises(BoardError, match="the device is ecp5"):
        dataclasses.replace(known, device=BOARDS["ulx3s-85f"].device)


def test_a_clock_that_the_sdram_cannot_follow_is_fine_without_it():
    known = BOARDS["ulx3s-85f"]
    with pytest.raises(BoardError, match="board ulx3s-85f: SDRAM ULX3S: a clock of 200 MHz is too fast"):
        System.of(known, clock_hz=200e6)
    assert System.of(known, clock_hz=200e6, config=known.config.replace(external=False)).clock_hz == 200e6


def test_a_baud_rate_that_the_clock_cannot_make_names_the_board():
    with pytest.raises(BoardError, match="board icebreaker: "):
        System.of(BOARDS["icebreaker"], baud=20_000_000)
