# SPDX-License-Identifier: Apache-2.0
import pytest

from celosia.arch.config import preset
from celosia.sim import SIMULATORS, MemoryModel, SimulatorError, available, open_transport


def test_simulators_are_listed_fastest_first():
    assert available() == [name for name in SIMULATORS if name in available()]
    assert "pysim" in available()


def test_the_functional_simulator_opens_by_name():
    with open_transport("functional", preset("c16"), external=MemoryModel(size=8192)) as transport:
        assert transport.config == preset("c16")
        assert transport.external_bytes == 8192


def test_unknown_names_list_the_known():
    with pytest.raises(SimulatorError, match="'spice'; choose one of functional, verilator, pysim"):
        open_transport("spice", preset("c16"))


def test_waveforms_need_signals_and_a_folder(tmp_path):
    with pytest.raises(SimulatorError, match="no waveforms"):
        open_transport("functional", preset("c16"), wave=tmp_path / "x.vcd")
    with pytest.raises(SimulatorError, match="there is no folder"):
        open_transport("pysim", preset("c16"), wave=tmp_path / "none" / "x.vcd")
