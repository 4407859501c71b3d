# SPDX-License-Identifier: Apache-2.0
"""`celosia bench` as a user meets it."""

import json
import shutil

import numpy as np
import pytest

from celosia import golden
from celosia.cli.main import main
from celosia.demo import MODEL
from support.shared import model_path


def test_no_argument_is_help(bench):
    outcome = bench()
    assert (outcome.status, outcome.err) == (0, "")
    for command in ("models", "simulators", "peers"):
        assert f" {command} " in outcome.out


def test_models(bench):
    outcome = bench("models", "--config", "c64", "--config", "c256", "--layers")
    assert (outcome.status, outcome.err) == (0, "")
    for words in ("c64: 8x8, functional", "c256: 16x16, functional", "digits", "yes", "MACs/byte", "SOFTMAX"):
        assert words in outcome.out


def test_models_json_agrees_with_run(bench, capfd):
    outcome = bench("models", MODEL, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    (config,) = outcome.json["configs"]
    (figures,) = config["models"]
    assert main(["run", str(MODEL), "--json"]) == 0
    run = json.loads(capfd.readouterr().out)
    for name in ("exact", "cycles", "predicted", "macs", "utilization"):
        assert figures[name] == run[name]
    assert [layer["cycles"] for layer in figures["layers"]] == [layer["cycles"] for layer in run["layers"]]


def test_models_in_a_folder_and_one_that_is_none(bench, tmp_path):
    shutil.copy(MODEL, tmp_path / "good.tflite")
    (tmp_path / "bad.tflite").write_bytes(b"nothing")
    outcome = bench("models", tmp_path)
    assert outcome.status == 0
    assert "good" in outcome.out
    assert "not measured: " in outcome.out
    (tmp_path / "good.tflite").unlink()
    assert "bad.tflite" in bench("models", tmp_path).complaint()
    (tmp_path / "bad.tflite").unlink()
    assert "no .tflite file is in this folder" in bench("models", tmp_path).complaint()


def test_a_wrong_bit_ends_with_1(bench, monkeypatch):
    monkeypatch.setattr(golden, "run", lambda graph, inputs: [np.zeros((1, 10), np.int8)])
    outcome = bench("models")
    assert outcome.status == 1
    assert "NO" in outcome.out


def test_a_picture_of_an_unknown_kind(bench, tmp_path):
    assert "must end in .png" in bench("models", "--plot", tmp_path / "x.gif").complaint()


def test_simulators(bench):
    arguments = ("--on", "functional", "--seconds", 0.01, "--rounds", 1, "--config", "c64")
    outcome = bench("simulators", *arguments)
    assert (outcome.status, outcome.err) == (0, "")
    assert "digits on c64 (8x8)" in outcome.out
    (config,) = bench("simulators", *arguments, "--json").json["configs"]
    (simulator,) = config["simulators"]
    assert simulator["name"] == "functional"
    assert simulator["cycles_per_second"] == pytest.approx(simulator["inferences_per_second"] * config["cycles"])
    assert config["ratio"] is None
    assert "no simulator is called 'x'" in bench("simulators", "--on", "x").complaint()


def test_peers(bench, tmp_path):
    shutil.copy(model_path("mlpt_ad_toycar"), tmp_path / "under_another_name.tflite")
    outcome = bench("peers", "--models", tmp_path)
    assert (outcome.status, outcome.err) == (0, "")
    for words in ("Ethos-U55-256", "SCALE-Sim 8x8", "geometric mean", "ethos-u-vela 5.2.0"):
        assert words in outcome.out
    result = bench("peers", "--models", tmp_path, "--json").json
    assert [config["config"] for config in result["configs"]] == ["c256", "c64"]
    for config in result["configs"]:
        (network,) = config["networks"]
        ours = network["celosia"]
        assert (network["network"], network["fair"], ours["exact"]) == ("ad", True, True)
        assert ours["cycles"] == ours["predicted"]
        for peer in network["peers"]:
            assert peer["ratio"] == pytest.approx(peer["compared"] / ours["cycles"])
            assert config["geometric_means"][peer["peer"]] == pytest.approx(peer["ratio"])


def test_peers_knows_another_file(bench, tmp_path):
    shutil.copy(MODEL, tmp_path / "ad01_int8.tflite")
    outcome = bench("peers", "--models", tmp_path, "--config", "c64")
    assert outcome.status == 0
    assert "not the file the peers' figures were recorded for" in outcome.err
    assert "Ethos" not in outcome.out


def test_peers_complaints(bench, tmp_path):
    assert "there is no such folder" in bench("peers", "--models", tmp_path / "x").complaint()
    assert "holds none of the networks: get " in bench("peers", "--models", tmp_path).complaint()
    assert "--record writes what --run makes" in bench("peers", "--models", tmp_path, "--record", "r.json").complaint()
    (tmp_path / "ad01_int8.tflite").write_bytes(b"")
    absent = ("--vela", tmp_path / "v", "--scalesim", tmp_path / "s")
    assert "neither Vela" in bench("peers", "--models", tmp_path, "--run", *absent).complaint()
