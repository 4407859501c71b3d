# SPDX-License-Identifier: Apache-2.0
"""The recorded figures of others, the comparison, and making the figures again."""

import dataclasses
import datetime
import json
import math
import re
import stat
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from celosia import golden
from celosia.bench import BenchError, compare, geometric_means, load_record, scalesim, vela
from celosia.bench.record import file_hash, find, same_file, write_record
from celosia.bench.remake import remake

RECORD = load_record()


def test_the_file_says_what_each_figure_is_of_and_how_it_was_made():
    value = json.loads(files("celosia.bench").joinpath("peers.json").read_text(encoding="utf-8"))
    assert set(value) == {"networks", "peers"}
    keys = [network["key"] for network in value["networks"]]
    assert len(set(keys)) == len(keys) > 0
    for network in RECORD.networks:
        assert re.fullmatch(r"[0-9a-f]{64}", network.sha256)
        assert network.file.endswith(".tflite")
        assert network.source.startswith("https://")
    assert len({peer.name for peer in RECORD.peers}) == len(RECORD.peers) > 0
    for peer in RECORD.peers:
        assert peer.tool in (vela.TOOL, scalesim.TOOL)
        assert re.fullmatch(r"\d+(\.\d+)+", peer.version)
        assert datetime.date.fromisoformat(peer.recorded)
        assert peer.options
        assert peer.counts.endswith(".")
        assert set(peer.cycles) == set(keys)
        for cycles in peer.cycles.values():
            assert all(golden.supported(kind) and count > 0 for kind, count in cycles.items())


def test_nobody_records_our_cycles():
    assert not any("celosia" in f"{peer.name} {peer.tool}".lower() for peer in RECORD.peers)


@pytest.mark.parametrize("peer", RECORD.peers, ids=lambda peer: peer.name)
def test_no_peer_beats_its_multipliers(peer):
    """A figure below MACs / multipliers would be a mistake in the record."""
    least = {"ic": 12_501_632, "kws": 2_656_768, "vww": 7_489_664, "ad": 264_192, "sww": 826_368}
    for key, cycles in peer.cycles.items():
        assert sum(cycles.values()) >= least[key] / peer.multipliers


def test_round_trip(tmp_path):
    write_record(RECORD, tmp_path / "r.json")
    assert load_record(tmp_path / "r.json") == RECORD
    text = files("celosia.bench").joinpath("peers.json").read_text(encoding="utf-8")
    assert (tmp_path / "r.json").read_text(encoding="utf-8") == text
    (tmp_path / "r.json").write_text("[]")
    with pytest.raises(BenchError, match=r"r\.json: not a record"):
        load_record(tmp_path / "r.json")


def test_networks_are_found_by_contents_or_name(tmp_path):
    (tmp_path / "a.tflite").write_bytes(b"right")
    network = dataclasses.replace(RECORD.networks[0], sha256=file_hash(tmp_path / "a.tflite"))
    assert find(network, tmp_path) == tmp_path / "a.tflite"
    (tmp_path / "a.tflite").unlink()
    assert find(network, tmp_path) is None
    (tmp_path / network.file).write_bytes(b"another")
    assert find(network, tmp_path) == tmp_path / network.file
    assert not same_file(network, tmp_path / network.file)


# --- the comparison ---


@pytest.fixture
def digits_record(measurement):
    """A record in which somebody with as many multipliers ran the digits."""
    config, _, ours = measurement
    network = dataclasses.replace(RECORD.networks[0], key="digits")
    cycles = {"digits": {"CONV_2D": 3 * ours.cycles, "SOFTMAX": 7}}
    rival = dataclasses.replace(RECORD.peers[0], name="rival", multipliers=config.macs_per_cycle, cycles=cycles)
    larger = dataclasses.replace(rival, name="larger", multipliers=1 + rival.multipliers)
    return dataclasses.replace(RECORD, networks=(network,), peers=(rival, larger))


def test_compared_is_the_same_work(measurement, digits_record):
    ours = measurement[2]
    assert {layer.op for layer in ours.on_host} == {"SOFTMAX"}
    comparison = compare(digits_record, "digits", ours)
    (peer,) = comparison.peers
    assert (peer.peer, peer.cycles, peer.compared) == ("rival", 3 * ours.cycles + 7, 3 * ours.cycles)
    assert peer.ratio == pytest.approx(3)


def test_the_mean_is_of_fair_comparisons_only(measurement, digits_record):
    comparison = compare(digits_record, "digits", measurement[2])
    (peer,) = comparison.peers
    twelve = dataclasses.replace(comparison, peers=(dataclasses.replace(peer, ratio=12.0),))
    three = dataclasses.replace(comparison, peers=(dataclasses.replace(peer, ratio=3.0),))
    wrong = dataclasses.replace(twelve, ours=dataclasses.replace(twelve.ours, exact=False))
    assert geometric_means([three, twelve, wrong]) == {"rival": pytest.approx(math.sqrt(36))}
    assert geometric_means([wrong]) == {}


# --- the tools ---


def program(path: Path, text: str) -> str:
    """A Python program that stands for a tool."""
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


VELA = """
import pathlib, sys
if "--version" in sys.argv:
    raise SystemExit(print("9.9"))
assert "--accelerator-config=ethos-u55-64" in sys.argv and "--verbose-performance" in sys.argv
folder = pathlib.Path(sys.argv[sys.argv.index("--output-dir") + 1])
(folder / "m_per-layer.csv").write_text(
    "Original Operator,Op Cycles\\nConv2D,10\\nConv2D,5.0\\nFullyConnected,2\\nSoftmax,0\\n"
)
(folder / "m_summary_X.csv").write_text(f"network,cycles_total\\nm,{TOTAL}\\n")
"""


def test_vela(tmp_path):
    command = program(tmp_path / "vela", "TOTAL = 17\n" + VELA)
    assert vela.version(command) == "9.9"
    assert vela.version(str(tmp_path / "absent")) is None
    options = {"accelerator-config": "ethos-u55-64"}
    assert vela.vela_cycles(command, options, tmp_path / "m.tflite") == {"CONV_2D": 15, "FULLY_CONNECTED": 2}
    with pytest.raises(BenchError, match=r"vela cannot estimate .*AssertionError"):
        vela.vela_cycles(command, {}, tmp_path / "m.tflite")
    with pytest.raises(BenchError, match="17 cycles together, not 18"):
        vela.vela_cycles(program(tmp_path / "vela", "TOTAL = 18\n" + VELA), options, tmp_path / "m.tflite")


SCALESIM = """
import pathlib, sys
assert sys.argv[1] == "-c"
if "version" in sys.argv[2]:
    raise SystemExit(print("8.8"))
assert "ArrayHeight = 4" in pathlib.Path(sys.argv[3]).read_text()
rows = len(pathlib.Path(sys.argv[4]).read_text().splitlines()) - 1
folder = pathlib.Path(sys.argv[5]) / "run"
folder.mkdir()
lines = ["LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles,"]
lines += [f"{row}, 999, {10 + row}, 0," for row in range(rows)]
(folder / "COMPUTE_REPORT.csv").write_text("\\n".join(lines))
"""


def test_scalesim_counts_repetitions(tmp_path, separable):
    python = program(tmp_path / "python", SCALESIM)
    assert scalesim.version(python) == "8.8"
    cycles = scalesim.scalesim_cycles(python, {"ArrayHeight": "4"}, separable)
    assert cycles == {"DEPTHWISE_CONV_2D": 4 * 10, "CONV_2D": 11}
    with pytest.raises(BenchError, match="scalesim cannot run separable: AssertionError"):
        scalesim.scalesim_cycles(python, {}, separable)
    with pytest.raises(BenchError, match="no 'Height'"):
        scalesim.scalesim_cycles(python, {"Height": "4"}, separable)


def test_remake_keeps_nothing_that_is_stale(tmp_path):
    path = tmp_path / "other.tflite"
    path.write_bytes(b"another file")
    commands = {vela.TOOL: program(tmp_path / "vela", "TOTAL = 17\n" + VELA), scalesim.TOOL: str(tmp_path / "absent")}
    record = dataclasses.replace(RECORD, peers=tuple(p for p in RECORD.peers if p.multipliers == 64))
    again = remake(record, {"ic": path}, commands)
    assert {network.key: network.sha256 for network in again.networks}["ic"] == file_hash(path)
    made, kept = again.peers
    assert (made.tool, made.version, made.cycles) == (vela.TOOL, "9.9", {"ic": {"CONV_2D": 15, "FULLY_CONNECTED": 2}})
    assert kept.version == record.peers[1].version
    assert set(kept.cycles) == set(record.peers[1].cycles) - {"ic"}
