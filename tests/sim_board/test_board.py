# SPDX-License-Identifier: Apache-2.0
"""Whole boards, simulated: the link's gateware on good and bad lines, and networks through a pseudo-terminal."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from celosia import compiler, golden
from celosia.arch.config import Config, preset
from celosia.arch.link import BUFFER_BYTES
from celosia.boards import BOARDS
from celosia.boards.soc import Soc
from celosia.demo import MODEL, digits
from celosia.model import Graph, load
from celosia.runtime import Device, Program, TransportError
from celosia.runtime.serial import SerialTransport
from celosia.sim import available, open_transport
from celosia.sim.board import SimulatedBoard
from celosia.sim.board.soak import counting_line, shares, soak
from celosia.sim.fingerprint import fingerprint
from support.shared import model, reference

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals"),
    pytest.mark.skipif("verilator" not in available(), reason="Verilator cannot be used here"),
]
CLOCK_HZ, BIT_CYCLES = 25_000_000, 4
PATIENCE = 60.0  # seconds: the simulation shares its processor with other tests


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Builds are kept where CELOSIA_CACHE says, or as long as the session, never in the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("CELOSIA_CACHE"):
            base = tmp_path_factory.getbasetemp()
            patch.setenv("CELOSIA_CACHE", str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"))
        yield


def test_a_block_fills_the_line():
    for latency, least in ((0.0, 0.97), (0.016, 0.9)):
        line = counting_line(latency=latency)
        write, read = shares(line)
        assert least < write <= 1
        assert least < read <= 1
        line.close()


@pytest.mark.parametrize(("noise", "count"), [(1e-3, 150), (1e-4, 150)])
def test_a_bad_line_loses_nothing_and_does_nothing_twice(noise, count):
    line = counting_line(seed=1)
    outcome = soak(line, count, noise, seed=1)
    line.close()
    assert outcome.wrong == []
    assert (outcome.right, outcome.errors) == (count, 0)


def simulated(config: Config, buffer_bytes: int = BUFFER_BYTES) -> SimulatedBoard:
    baud = CLOCK_HZ // BIT_CYCLES
    return SimulatedBoard(
        config,
        lambda: Soc(config, clock_hz=CLOCK_HZ, baud=baud, buffer_bytes=buffer_bytes),
        clock_hz=CLOCK_HZ,
        baud=baud,
        fingerprint=f"{fingerprint(config, 'celosia.boards')} {CLOCK_HZ} {baud} {buffer_bytes}",
    )


def cycles_of(config: Config, program: Program, inputs: np.ndarray) -> int:
    """The hardware counter in the direct simulation."""
    with Device(open_transport("verilator", config)) as device:
        return device.run(program, inputs).cycles


def connected(board: SimulatedBoard, config: Config) -> SerialTransport:
    return SerialTransport(board.path, config, patience=PATIENCE)


def check(graph: Graph, config: Config, inputs: np.ndarray, buffer_bytes: int = BUFFER_BYTES) -> None:
    """A network through the serial port of a simulated board: every bit, and the hardware's cycles."""
    pytest.importorskip("serial")
    program = compiler.compile(graph, config)
    seen: list[int] = []
    with (
        simulated(config, buffer_bytes) as board,
        Device(SerialTransport(board.path, config, patience=PATIENCE)) as device,
    ):
        result = device.run(program, inputs, progress=seen.append)
    assert np.array_equal(result.outputs[0], golden.run(graph, [inputs])[0])
    assert result.cycles == cycles_of(config, program, inputs)
    assert seen == sorted(seen)


def test_the_demo_network_through_a_pseudo_terminal():
    check(load(MODEL), preset("c16"), digits().images[:1])


def test_a_real_network_on_the_default_core_through_a_pseudo_terminal():
    inputs, output = reference("mlpt_ic_resnet8", 1)[0]
    graph = model("mlpt_ic_resnet8")
    inputs = inputs.reshape(graph.tensors[graph.inputs[0]].shape)
    assert np.array_equal(golden.run(graph, [inputs])[0].ravel(), output.ravel())
    check(graph, preset("c256"), inputs)


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("icepi-zero", "mlpt_kws_dscnn"),
        ("icepi-zero", "mlpt_sww_strm"),
        ("tang-primer-20k", "mlpt_kws_dscnn"),
        ("icebreaker", "tflm_micro_speech"),
    ],
)
def test_the_largest_networks_that_fit_the_other_boards_through_a_pseudo_terminal(name, network):
    inputs, output = reference(network, 1)[0]
    graph, known = model(network), BOARDS[name]
    inputs = inputs.reshape(graph.tensors[graph.inputs[0]].shape)
    assert np.array_equal(golden.run(graph, [inputs])[0].ravel(), output.ravel())
    check(graph, known.config, inputs, known.buffer_bytes)


def test_the_command_line_simulates_a_board_and_runs_on_it(tmp_path):
    pytest.importorskip("serial")
    code = f"import sys; sys.path[:0] = {sys.path!r}; from celosia.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code]
    board = [*command, "simulate", "ulx3s-85f", "--config", "c16", "--json"]
    with (
        subprocess.Popen(board, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process,
        contextlib.ExitStack() as leaving,
    ):
        leaving.callback(process.kill)  # else what fails here would wait for the board for ever
        assert process.stdout is not None
        head = json.loads(process.stdout.readline())
        assert (head["board"], head["config"]) == ("ulx3s-85f", "c16")

        def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
            every = [*command, "run", str(MODEL), "--on", head["port"], *arguments]
            return subprocess.run(every, capture_output=True, text=True, check=False, cwd=tmp_path)

        done = run("--config", "c16", "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert (result["exact"], result["on"]) == (True, head["port"])
        assert result["cycles"] == compiler.compile(load(MODEL), preset("c16")).predicted
        wrong = run("--config", "c64")
        assert wrong.returncode == 2
        assert wrong.stderr.startswith(f"celosia: {head['port']}: the board holds c16 (hash ")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_a_board_that_ends_is_missed():
    pytest.importorskip("serial")
    board = simulated(preset("c16"))
    transport = SerialTransport(board.path, preset("c16"))
    assert board.running
    board.close()
    with pytest.raises(TransportError, match=r"connection is lost|has not answered"):
        transport.read(0)
    transport.close()
