# SPDX-License-Identifier: Apache-2.0
"""Areas: how they are counted, what is certain, and how good the model of the rest is."""

import json

import pytest

from celosia.arch.config import preset
from celosia.boards.parts import ICE40UP5K, LFE5U_85F
from celosia.build.fits import count_cells
from celosia.build.plan import TOP, make_netlist_plan
from celosia.explore.area import Area, areas_by_block, read_netlist, total
from celosia.explore.calibrate import CORES, read
from celosia.explore.model import GROUPS, MODELLED, AreaModel
from celosia.explore.structure import body_of, ram_blocks
from celosia.explore.synthesis import synthesize_core
from celosia.gateware.core import Core
from celosia.gateware.family import Device, Family

TINY = preset("c16").replace(
    name="tiny",
    columns=2,
    lanes=2,
    weight_bytes=4 << 10,
    activation_bytes=2 << 10,
    parameter_records=64,
    depthwise=False,
    elementwise=False,
    external=False,
    overlap=False,
)


def test_cells_are_counted_by_block():
    cells = {
        "compute.datapath.array.column_0.x_LUT4_Z": "LUT4",
        "compute.datapath.array.column_0.y_CCU2C_S0": "CCU2C",
        "compute.datapath.array.column_1.z": "MULT18X18D",
        "compute.datapath.array.column_1.mux": "PFUMX",
        "control.dma.queue": "TRELLIS_DPR16X4",
        "control.dma.q_TRELLIS_FF_Q": "TRELLIS_FF",
        "compute.weight_memory.ram.block_0_0.cell": "DP16KD",
        "loose_TRELLIS_FF_Q": "TRELLIS_FF",
        "$abc$1$lut$2": "LUT4",
        "a__request$3.x_LUT4_Z": "LUT4",
    }
    areas = areas_by_block(Family.ECP5, cells)
    assert areas == {
        "array": Area(luts=3, ffs=0, multipliers=1, block_rams=0),
        "dma": Area(luts=6, ffs=1, multipliers=0, block_rams=0),
        "glue": Area(luts=2, ffs=1, multipliers=0, block_rams=0),
        "weight_memory": Area(luts=0, ffs=0, multipliers=0, block_rams=1),
    }
    assert total(areas) == Area(luts=11, ffs=2, multipliers=1, block_rams=1)


@pytest.mark.parametrize(
    ("family", "cells", "area"),
    [
        (Family.ICE40, ["SB_LUT4", "SB_CARRY", "SB_DFFESR", "SB_SPRAM256KA", "SB_MAC16"], (1, 1, 1, 0, 1)),
        (Family.GOWIN, ["LUT3", "ALU", "DFFRE", "MULT9X9", "MULT9X9", "MULT9X9", "SDPB", "RAM16SDP4"], (6, 1, 2, 1, 0)),
    ],
)  # fmt: skip
def test_cells_of_other_families(family, cells, area):
    areas = areas_by_block(family, {f"compute.lanes.{i}": cell for i, cell in enumerate(cells)})
    assert areas["lanes"] == Area(
        **dict(zip(("luts", "ffs", "multipliers", "block_rams", "large_rams"), area, strict=True))
    )


def test_netlists_are_read(tmp_path):
    path = tmp_path / "n.json"
    path.write_text(json.dumps({"modules": {"top": {"cells": {"a.b": {"type": "LUT4"}, "c": {"type": "$scopeinfo"}}}}}))
    assert read_netlist(path) == {"a.b": "LUT4", "c": "scopeinfo"}


def test_shares():
    area = Area(luts=41_820, ffs=1, multipliers=156, block_rams=104)
    assert area.shares(LFE5U_85F) == {"luts": 0.5, "multipliers": 1.0, "block_rams": 0.5}
    assert area.scarcest(LFE5U_85F) == ("multipliers", 1.0)
    more = Area(luts=1, ffs=1, multipliers=1, block_rams=1, large_rams=1)
    assert more.scarcest(LFE5U_85F) == ("large_rams", float("inf"))
    assert more.scarcest(ICE40UP5K) == ("large_rams", 0.25)


@pytest.mark.parametrize(
    ("config", "multipliers"),
    [
        (TINY, 156),
        (TINY.replace(columns=6, lanes=6, weight_bytes=7680, accumulators=700, depthwise=True), 21),
    ],
)  # fmt: skip
def test_multipliers_and_block_rams_are_the_gatewares(config, multipliers):
    device = Device(Family.ECP5, multipliers=multipliers)
    cells = count_cells(make_netlist_plan(Core(config), device).files[f"{TOP}.il"])
    assert body_of(config, device).multipliers == cells["MULT18X18D"]
    assert ram_blocks(config, device) == cells["DP16KD"]


def test_what_is_recorded_is_what_the_calibration_makes():
    recorded = read()
    assert [(core.config, core.multipliers, core.held_out) for core in recorded.cores] == list(CORES)
    assert set(recorded.tools) == {"amaranth", "pyosys"}
    blocks = {block for core in recorded.cores for block in core.blocks}
    assert {block for group in GROUPS for block in group.blocks} <= blocks


@pytest.mark.parametrize("core", read().cores, ids=lambda core: f"{core.config.text}-{core.multipliers}")
def test_recorded_cores_are_reproduced(core):
    """Blocks exactly; LUTs and flip-flops within what is said of cores that the model has not seen."""
    model, truth = AreaModel.recorded(), total(core.blocks)
    area = model.area(core.config, core.multipliers)
    assert (area.multipliers, area.block_rams) == (truth.multipliers, truth.block_rams)
    for kind in MODELLED:
        assert getattr(area, kind) == pytest.approx(getattr(truth, kind), rel=model.error[kind].worst)
    assert model.knows(core.config) or core.held_out


def test_the_model_is_good_for_something():
    error = AreaModel.recorded().error
    assert all(0 < error[kind].mean <= error[kind].worst < 0.08 for kind in MODELLED)
    assert sum(core.held_out for core in read().cores) >= 5


def test_cores_beyond_the_models_are_known_as_such():
    model = AreaModel.recorded()
    assert model.knows(preset("c256"))
    assert not model.knows(preset("c512"))


def test_a_core_synthesized_now():
    """A 4x4 core without switches. It says whether the gateware or the tools have left the model behind."""
    config, multipliers, _ = CORES[1]
    truth = total(synthesize_core(config, Device(Family.ECP5, multipliers=multipliers)))
    model = AreaModel.recorded()
    area = model.area(config, multipliers)
    assert (area.multipliers, area.block_rams) == (truth.multipliers, truth.block_rams)
    for kind in MODELLED:
        assert getattr(area, kind) == pytest.approx(getattr(truth, kind), rel=model.error[kind].worst)
