# SPDX-License-Identifier: Apache-2.0
"""Points on workers: all of them, once, whatever happens."""

import os
import signal

import pytest

from celosia import compiler
from celosia.arch.timing import ExternalTiming
from celosia.explore.area import Area
from celosia.explore.results import Results
from celosia.explore.sweep import kept_area, kept_outcome, work_off
from celosia.workers import WorkersError, connected

MANY = "rows=4/8/12/16,columns=2/4/6/8/10/12/14/16,weight_bytes=65536/131072"


def never():
    raise AssertionError("nothing was left to do")


def test_outcomes_are_the_compilers(graphs, points, connect):
    (graph,) = graphs.values()
    some = points("c16/c64", memories=("local", "latency=30"), strategies=("best", "search"))
    with Results(None) as results:
        assert work_off(some, graphs, results, connect) == {}
        for point in some:
            outcome = kept_outcome(results, point)
            assert outcome is not None
            if (point.memory, point.strategy) == ("local", "search"):
                assert outcome.why == "strategy search streams from external memory: compile with memory='external'"
                continue
            assert point.core.config is not None
            program = compiler.compile(
                graph,
                point.core.config,
                memory="local" if point.memory == "local" else "external",
                strategy=None if point.strategy == "best" else point.strategy,
                timing=None if point.memory == "local" else ExternalTiming(latency=30),
            )
            assert (outcome.cycles, outcome.strategy) == (program.predicted, program.strategy)
            assert outcome.cycles >= outcome.bound > 0
            assert outcome.host == {"SOFTMAX": 1}
            if point.strategy == "search":
                assert outcome.traffic == program.traffic
                assert outcome.local == program.local
            else:
                assert set(outcome.traffic) == (set() if point.memory == "local" else {"inputs", "outputs"})


def test_inputs_and_outputs_of_networks_that_stay_on_chip_are_counted(graphs, points, connect):
    (point,) = points("c64")
    with Results(None) as results:
        work_off([point], graphs, results, connect)
        outcome = kept_outcome(results, point)
    assert outcome is not None
    assert 8 * 8 <= outcome.traffic["inputs"] <= 4 * 8 * 8  # the image of a digit, with gaps between its lines
    assert 10 <= outcome.traffic["outputs"] <= 32


def test_a_network_that_does_not_fit_is_a_result(graphs, points, connect):
    some = points("c64,weight_bytes=64", "c64,rows=8/9", memories=("local",))
    with Results(None) as results:
        assert work_off(some, graphs, results, connect) == {}
        small, able, unable = (kept_outcome(results, point) for point in some)
    assert small is not None
    assert "does not fit c64,weight_bytes=64: it needs" in small.why
    assert able is not None
    assert able.why == ""
    assert unable is not None
    assert "weight_rows must be a divisor of rows (9), not 2" in unable.why


def test_a_killed_worker_loses_nothing(graphs, points, cluster, connect, tmp_path):
    some = points(MANY)
    workers = list(cluster.run(os.getpid).values())
    counts = []

    def note(done):
        counts.append(done)
        if done == 5:
            os.kill(workers[0], signal.SIGKILL)

    with Results(tmp_path / "r.jsonl") as results:
        assert work_off(some, graphs, results, connect, note) == {}
        outcomes = [kept_outcome(results, point) for point in some]
    assert counts == list(range(len(some) + 1))
    assert all(outcome is not None and outcome.cycles for outcome in outcomes)
    assert (tmp_path / "r.jsonl").read_text().count("\n") == len(some) == 64
    cluster.wait_for_workers(2, timeout=30)
    assert workers[0] not in cluster.run(os.getpid).values()


def test_what_is_there_is_not_done_again(graphs, points, connect, tmp_path):
    path = tmp_path / "r.jsonl"
    with Results(path) as results:
        work_off(points("c16"), graphs, results, connect)
    before, counts = path.read_bytes(), []
    with Results(path) as results:
        assert work_off(points("c16"), graphs, results, never, counts.append) == {}
    assert (path.read_bytes(), counts) == (before, [1])
    with Results(path) as results:
        work_off(points("c16/c64"), graphs, results, connect, counts.append)
    assert counts == [1, 1, 2]
    assert path.read_bytes().startswith(before)


def test_a_bug_is_told_and_tried_again(graphs, points, connect, tmp_path):
    (point,) = points("c16")
    path = tmp_path / "r.jsonl"
    with Results(path) as results:
        failed = work_off([point], {point.network.digest: "no graph"}, results, connect)
        assert list(failed) == [point]
        assert failed[point].startswith("AttributeError: ")
        assert path.read_bytes() == b""
        assert work_off([point], graphs, results, connect) == {}
        assert kept_outcome(results, point) is not None


def test_areas_are_kept_by_core_and_fpga(points, connect):
    from celosia.explore.sweep import Synthesis
    from celosia.gateware.family import Device, Family

    (point,) = points("c16")
    assert point.core.config is not None
    work = Synthesis(point.core.config, Device(Family.ECP5, multipliers=28))
    area = Area(luts=1, ffs=2, multipliers=3, block_rams=4)
    with Results(None) as results:
        results.add(work.key, {**work.facts, "luts": 1, "ffs": 2, "multipliers": 3, "block_rams": 4, "large_rams": 0})
        assert kept_area(results, work) == area
        assert kept_area(results, Synthesis(work.config, Device(Family.ECP5, multipliers=156))) is None
        assert work_off([work], {}, results, never) == {}


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "udp://1.2.3.4:5", "host:port", "tcp://a b:1"])
def test_addresses_that_are_none(address):
    with pytest.raises(WorkersError, match="is no address of a Dask scheduler: write it as in tcp://"):
        with connected(scheduler=address):
            pass
