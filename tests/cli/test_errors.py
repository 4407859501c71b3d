# SPDX-License-Identifier: Apache-2.0
"""Bad input: one line on stderr that names the thing and what to do, status 2, nothing half-written."""

import subprocess
import sys

import numpy as np
import pytest

from celosia.demo import MODEL


@pytest.fixture(params=["run", "check", "compile"])
def with_model(request, celosia, tmp_path):
    """Gives a model to each command that takes one; what it writes would be `tmp_path`/out."""

    def call(model):
        output = [] if request.param == "check" else ["--output", tmp_path / "out"]
        outcome = celosia(request.param, model, *output)
        assert not (tmp_path / "out").exists()
        return outcome

    return call


def test_no_such_model(with_model):
    assert "none.tflite" in with_model("none.tflite").complaint()


def test_a_folder(with_model, tmp_path):
    assert str(tmp_path) in with_model(tmp_path).complaint()


@pytest.mark.parametrize("content", [b"", b"PK", b"not a network", bytes(64), b"\x18\x00\x00\x00TFL3" + bytes(40)])
def test_not_a_network(with_model, tmp_path, content):
    path = tmp_path / "odd.tflite"
    path.write_bytes(content)
    assert "odd.tflite" in with_model(path).complaint()


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_truncated(with_model, tmp_path, kept):
    data = MODEL.read_bytes()
    path = tmp_path / "short.tflite"
    path.write_bytes(data[: int(kept * len(data))])
    assert "short.tflite" in with_model(path).complaint()


def test_float_and_uint8_networks(with_model, dense):
    assert "int8" in with_model(dense(8, 4, "float32", "float32")).complaint()
    assert "int8" in with_model(dense(8, 4, "uint8", "uint8")).complaint()


@pytest.mark.parametrize("command", ["run", "compile"])
def test_an_operator_nobody_implements(celosia, unknown_operator, tmp_path, command):
    outcome = celosia(command, unknown_operator, "--output", tmp_path / "out")
    complaint = outcome.complaint()
    assert "SIN" in complaint
    assert "replace it in the network" in complaint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["run", "compile"])
def test_a_network_too_large(celosia, dense, tmp_path, command):
    model = dense(512, 1024)
    outcome = celosia(command, model, "--config", "c256,weight_bytes=131072", "--output", tmp_path / "out")
    complaint = outcome.complaint()
    assert "weight" in complaint
    assert not (tmp_path / "out").exists()
    assert celosia(command, model, "--config", "c256,weight_bytes=0x100000", "--output", tmp_path / "out").status == 0


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros((1, 8, 8, 3), np.int8), "(1, 8, 8, 1)"),
        (np.zeros((1, 8, 8, 1), np.float32), "must be int8, not float32"),
        (np.zeros((1, 8, 8, 1), np.uint8), "must be int8, not uint8"),
        (np.zeros((0, 8, 8, 1), np.int8), "empty"),
    ],
)
def test_inputs_of_wrong_shape_or_type(celosia, model, tmp_path, array, what):
    np.save(tmp_path / "x.npy", array)
    outcome = celosia("run", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npz")
    complaint = outcome.complaint()
    assert "x.npy" in complaint
    assert what in complaint
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["run", MODEL, "--input", "none.npy"], "none.npy: No such file"),
        (["run", MODEL, "--input", MODEL], "not a .npy or .npz file"),
        (["run", MODEL, "--config", "c7"], "choose one of c256"),
        (["check", MODEL, "--config", "rows=0"], "rows must be 2 to 64"),
        (["compile", MODEL, "-o", "none/here/p"], "there is no folder none/here"),
        (["run", MODEL, "--output", "none/here/y.npz"], "there is no folder none/here"),
        (["run", MODEL, "--wave", "none/here/w.vcd", "--on", "pysim"], "there is no folder none/here"),
        (["run", MODEL, "--wave", "w.vcd"], "functional simulator has no waveforms"),
        (["run", MODEL, "--input", "x.npy", "--random", "3"], "exclude each other"),
        (["run", MODEL, "--random", "-1"], "--random"),
        (["run", MODEL, "--on", "paper"], "'paper'"),
        (["run", MODEL, "--fast"], "--fast"),
        (["run"], "MODEL"),
        (["compile", MODEL], "--output"),
        (["fly"], "fly"),
        (["demo", "--count", "0"], "--count"),
    ],
)
def test_arguments(celosia, monkeypatch, tmp_path, arguments, what):
    monkeypatch.chdir(tmp_path)
    assert what in celosia(*arguments).complaint()
    assert not list(tmp_path.iterdir())


def test_in_a_process_of_its_own(tmp_path):
    code = "import sys; from celosia.cli.main import main; sys.exit(main())"
    path = [f"import sys; sys.path[:0] = {sys.path!r}; {code}"]
    command = [sys.executable, "-c", *path, "run", str(tmp_path / "none.tflite"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "none.tflite" in done.stderr


def test_interrupted(celosia, model, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("celosia.cli.job.golden.run", interrupt)
    outcome = celosia("run", model)
    assert (outcome.status, outcome.out) == (130, "")
    assert "Traceback" not in outcome.err


def test_a_terminal_without_the_characters(model):
    code = f"import sys; sys.path[:0] = {sys.path!r}; from celosia.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-X", "utf8=0", "-c", code, "run", str(model)]
    done = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": "ascii"}, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Exact" in done.stdout
    assert b"==" in done.stdout
    assert b"?" not in done.stdout
