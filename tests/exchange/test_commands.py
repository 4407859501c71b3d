# SPDX-License-Identifier: Apache-2.0
"""`celosia export` and `celosia import`, and what others do with their results."""

import pytest

from celosia.exchange.scalesim import HEADER
from celosia.model import save
from exchange.drawn import wide

CORE = "c256-small,weight_bytes=8192,activation_bytes=8192,parameter_records=96"

STUDY = (
    HEADER,
    "Conv1, 17, 18, 3, 3, 3, 8, 2,",
    "DP_2, 10, 10, 3, 3, 8, 1, 1,",
    "Conv3, 8, 8, 1, 1, 8, 24, 1,",
    "Conv4_s, 9, 9, 2, 2, 5, 6, 2,",
    "FC, 1, 1, 1, 1, 30, 10, 1,",
)


@pytest.fixture
def study(write_file):
    """A topology whose layers are three chains."""
    return write_file("study.csv", *STUDY)


def test_an_imported_topology_is_exact(celosia, study, tmp_path):
    output = tmp_path / "study.tflite"
    facts = celosia("import", study, "-o", output, "--json").json
    assert (facts["format"], facts["layers"], facts["inputs"], facts["outputs"]) == ("scalesim", 5, 3, 3)
    assert facts["macs"] == 8 * 9 * 27 * 8 + 64 * 9 * 8 + 64 * 8 * 24 + 25 * 4 * 5 * 6 + 300
    for more in (["--config", "c256"], ["--config", "c16"], ["--config", CORE, "--memory", "external"]):
        outcome = celosia("run", output, "--json", *more)
        assert outcome.status == 0
        assert outcome.json["exact"]
        assert {layer["place"] for layer in outcome.json["layers"] if layer["macs"]} == {"array"}


def test_the_same_seed_is_the_same_network(celosia, study, tmp_path):
    files = [tmp_path / f"{n}.tflite" for n in range(3)]
    for file, seed in zip(files, (7, 7, 8), strict=True):
        assert celosia("import", study, "--output", file, "--seed", seed).status == 0
    first, second, third = (file.read_bytes() for file in files)
    assert first != third
    assert len(first) == len(second)


def test_export_import_export(celosia, model, tmp_path):
    first = celosia("export", model, "--format", "scalesim").out
    assert first.startswith(HEADER)
    (tmp_path / "first.csv").write_text(first)
    assert celosia("import", tmp_path / "first.csv", "-o", tmp_path / "again.tflite").status == 0
    assert celosia("export", tmp_path / "again.tflite", "--format", "scalesim").out == first
    assert celosia("export", model, "--format", "scalesim", "-o", tmp_path / "second.csv").status == 0
    assert (tmp_path / "second.csv").read_text() == first


@pytest.mark.parametrize("form", ["timeloop", "zigzag"])
def test_a_mapping_is_raced_and_exact(celosia, model, tmp_path, form):
    folder = tmp_path / "mapped"
    facts = celosia("export", model, "--format", form, "--mapping", "--config", CORE, "-o", folder, "--json").json
    assert sorted(facts["files"]) == sorted(str(file) for file in folder.iterdir())
    file = folder if form == "timeloop" else folder / "mapping.yaml"
    outcome = celosia(
        "bench", "tiling", model, "--config", CORE, "--on", "functional", "--strategies", f"mapping:{file}", "--json"
    )
    (row,) = outcome.json["strategies"]
    assert row["strategy"] == f"mapping:{file}"
    assert row["exact"]
    assert row["cycles"] == row["predicted"]


def test_a_mapping_that_does_not_fit_is_one_line(celosia, tmp_path):
    model = tmp_path / "wide.tflite"
    save(wide(), model)
    folder = tmp_path / "mapped"
    assert celosia("export", model, "--format", "timeloop", "--mapping", "-o", folder).status == 0
    tiny = "c256-small,activation_bytes=4096"
    arguments = ["bench", "tiling", model, "--config", tiny, "--strategies", f"mapping:{folder}"]
    complaint = celosia(*arguments).complaint()
    assert "000_t3.yaml, line" in complaint
    assert "does not fit 4096 bytes of activation memory: at most" in complaint


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["export", "{model}", "--format", "timeloop"], "name a folder with --output"),
        (["export", "{model}", "--format", "zigzag", "--strategy", "search"], "add --mapping"),
        (["export", "{model}", "--format", "scalesim", "--mapping", "-o", "{new}"], "has no mapping in it"),
        (["export", "{model}", "--format", "timeloop", "-o", "{study}"], "is a file: name a folder"),
        (["export", "{model}", "--format", "zigzag", "-o", "{new}/x/y.yaml"], "make it first"),
        (["export", "{model}", "--format", "timeloop", "--mapping", "-o", "{new}", "--strategy", "mine"], "mine"),
        (["export", "{study}", "--format", "scalesim"], "study.csv"),
        (["import", "{model}"], "name it so"),
        (["import", "{new}.csv"], "No such file"),
        (["run", "{model}", "--memory", "external", "--strategy", "mapping:{new}.yaml"], "No such file"),
        (["run", "{model}", "--memory", "external", "--strategy", "mapping"], "mapping:FILE"),
        (["bench", "tiling", "{model}", "--strategies", "mapping:{study}"], "study.csv"),
        (["bench", "tiling", "{model}", "--strategies", "nothing:x"], "mapping:FILE"),
    ],
)
def test_complaints(celosia, model, study, tmp_path, arguments, what):
    places = {"model": model, "study": study, "new": tmp_path / "new"}
    assert what in celosia(*(argument.format(**places) for argument in arguments)).complaint()
    assert not (tmp_path / "new").exists()
