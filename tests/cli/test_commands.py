# SPDX-License-Identifier: Apache-2.0
"""run, check and compile: what they print, what they write, and that --json is JSON alone."""

import numpy as np
import pytest

from celosia import golden
from celosia.demo import IMAGES, digits
from celosia.model import load


def test_version(celosia):
    outcome = celosia("--version")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("celosia")


def test_no_argument_is_help(celosia):
    outcome = celosia()
    assert outcome.status == 0
    for command in ("demo", "run", "check", "compile"):
        assert f" {command} " in outcome.out


def test_run_says_exact_because_it_compared(celosia, model, sample, tmp_path):
    output = tmp_path / "y.npz"
    outcome = celosia("run", model, "--input", sample, "--output", output, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    result = outcome.json
    assert result["exact"] is True
    assert (result["model"], result["config"], result["on"], result["n"]) == (
        str(model),
        "c256",
        "functional",
        1,
    )
    graph = load(model)
    assert result["macs"] == graph.total_macs()
    assert 0 < result["utilization"] < 1
    assert result["utilization"] == pytest.approx(result["macs"] / (256 * result["cycles"]))
    assert [layer["op"] for layer in result["layers"]] == [op.kind for op in graph.ops]
    for layer in result["layers"]:
        assert {"name", "op", "place", "cycles", "predicted", "macs", "utilization", "seconds"} == set(layer)
        assert layer["place"] in ("array", "lanes", "host")
    assert sum(layer["cycles"] for layer in result["layers"]) <= result["cycles"]
    with np.load(output) as file:
        assert file.files == ["out0"]
        assert np.array_equal(file["out0"], golden.run(graph, [np.load(sample)])[0])


def test_run_compares_and_ends_with_1_when_a_bit_differs(celosia, model, sample, monkeypatch):
    def off_by_one(graph, inputs):
        return [output ^ 1 for output in right(graph, inputs)]

    right = golden.run
    monkeypatch.setattr(golden, "run", off_by_one)
    outcome = celosia("run", model, "--input", sample, "--json")
    assert outcome.status == 1
    assert outcome.json["exact"] is False
    outcome = celosia("run", model, "--input", sample)
    assert outcome.status == 1
    assert "Not exact" in outcome.out


def test_run_a_batch(celosia, model, tmp_path):
    outcome = celosia("run", model, "--input", IMAGES, "--output", tmp_path / "y.npz")
    assert outcome.status == 0
    shown = digits()
    assert f"{len(shown.labels)} inferences on c256 (16x16), functional" in outcome.out
    assert "Exact: every output bit equals the golden model's." in outcome.out
    with np.load(tmp_path / "y.npz") as file:
        assert np.mean(file["out0"].argmax(1) == shown.labels) > 0.9
    np.save(tmp_path / "x.npy", shown.images[:3, None])
    celosia("run", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npz")
    with np.load(tmp_path / "y.npz") as file:
        assert file["out0"].shape == (3, 1, 10)


def test_run_random_is_seeded(celosia, model, tmp_path):
    def outputs(*seed):
        assert celosia("run", model, *seed, "--output", tmp_path / "y.npz").status == 0
        with np.load(tmp_path / "y.npz") as file:
            return file["out0"]

    assert np.array_equal(outputs(), outputs("--random", 0))
    assert not np.array_equal(outputs(), outputs("--random", 1))


@pytest.mark.parametrize("config", ["c64", "c16", "c256,weight_bytes=524288", "rows=12,columns=10"])
@pytest.mark.parametrize("memory", ["local", "external"])
def test_run_on_any_configuration(celosia, model, sample, config, memory):
    outcome = celosia("run", model, "--input", sample, "--config", config, "--memory", memory, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.json["exact"] is True
    assert outcome.json["config"] == config


def test_the_table_lists_every_layer(celosia, model, sample):
    outcome = celosia("run", model, "--input", sample)
    assert (outcome.status, outcome.err) == (0, "")
    for op in load(model).ops:
        assert any(line.split()[:2] == [op.name, op.kind] for line in outcome.out.splitlines())
    assert "on the core" in outcome.out


def test_compiled_programs_run(celosia, model, sample, tmp_path):
    program, output = tmp_path / "digits.program", tmp_path / "y.npz"
    outcome = celosia("compile", model, "-o", program, "--config", "c64", "--json")
    assert outcome.json["output"] == str(program)
    outcome = celosia("run", program, "--input", sample, "--output", output, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.json["config"] == "c64"
    assert outcome.json["exact"] is None
    with np.load(output) as file:
        assert np.array_equal(file["out0"], golden.run(load(model), [np.load(sample)])[0])
    assert "Not compared" in celosia("run", program).out
    complaint = celosia("run", program, "--config", "c256").complaint()
    assert "compiled for c64, not c256: leave out --config" in complaint
    assert celosia("run", program, "--config", "rows=8,columns=8").status == 0


def test_compile_says_what_it_made(celosia, model, tmp_path):
    outcome = celosia("compile", model, "--output", tmp_path / "p", "--memory", "external")
    assert (outcome.status, outcome.err) == (0, "")
    assert "cycles predicted on c256" in outcome.out
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_check_lists_every_operator_and_why(celosia, model):
    outcome = celosia("check", model)
    assert (outcome.status, outcome.err) == (0, "")
    rows = celosia("check", model, "--json").json["operators"]
    assert [row["op"] for row in rows] == [op.kind for op in load(model).ops]
    assert [row["index"] for row in rows] == list(range(len(rows)))
    for row in rows:
        assert row["place"] in ("array", "lanes", "host")
        assert row["why"]
        assert any(
            line.split()[:3] == [str(row["index"]), row["op"], row["place"]] for line in outcome.out.splitlines()
        )


def test_check_names_unsupported_operators(celosia, unknown_operator):
    outcome = celosia("check", unknown_operator)
    assert (outcome.status, outcome.err) == (0, "")
    line = next(line for line in outcome.out.splitlines() if "unsupported" in line)
    assert line.split()[1] == "SIN"
    assert "1 unsupported" in outcome.out


def test_paths_with_brackets_print_as_they_are(celosia, model, sample, tmp_path):
    odd = tmp_path / "[bold]net[italic].tflite"
    odd.write_bytes(model.read_bytes())
    assert "[bold]net[italic].tflite: 1 inference" in celosia("run", odd, "--input", sample).out
