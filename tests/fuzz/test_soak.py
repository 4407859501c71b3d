# SPDX-License-Identifier: Apache-2.0
"""A bounded share of `celosia soak`, and that it notices."""

import mmap

from celosia.arch.config import PRESETS
from celosia.demo import MODEL
from celosia.fuzz.soak import mixture, resident_bytes, soak
from celosia.model import load
from celosia.runtime import Device
from celosia.sim import MemoryModel, open_transport
from support.command_line import command


def test_mixed_networks_back_to_back_on_gateware():
    moody = MemoryModel(latency=20, gap=1, stall=0.3, seed=5)
    seen = []
    with Device(open_transport("verilator", PRESETS["c16"], external=moody)) as device:
        soaked = soak(device, mixture(), 40, memories=("local", "external"), progress=seen.append)
    assert soaked.wrong == 0
    assert seen == list(range(1, 41))
    assert soaked.cycles > 40_000


def test_wrong_results_are_counted(monkeypatch):
    with Device(open_transport("functional", PRESETS["c16"])) as device:
        right = device.run
        answers = iter(range(100))

        def run(program, inputs):
            result = right(program, inputs)
            if next(answers) % 5 == 4:
                result.outputs[0][...] ^= 1
            return result

        monkeypatch.setattr(device, "run", run)
        assert soak(device, [load(MODEL)], 20).wrong == 4


def test_growth_is_measured():
    before = resident_bytes()
    assert before is not None
    with mmap.mmap(-1, 256 << 20) as kept:  # fresh pages, whatever the process has freed before
        kept.write(bytes(len(kept)))
        after = resident_bytes()
    assert after is not None
    assert after - before > 128 << 20


def test_the_command_line(capfd):
    outcome = command(capfd, "soak", "--count", 10, "--config", "c16", "--on", "functional", "--json")
    assert outcome.status == 0
    assert outcome.json["wrong"] == 0
    assert outcome.json["inferences"] == 10
    assert "no configuration" in command(capfd, "soak", "--config", "c3").complaint()
