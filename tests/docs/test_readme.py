# SPDX-License-Identifier: Apache-2.0
"""What the README promises holds: its commands, its links, its program."""

import re
from pathlib import Path

import numpy as np
import pytest

from celosia import compiler
from celosia.arch.config import preset
from celosia.demo import MODEL, digits
from celosia.model import load

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md")


def test_the_two_commands_come_first():
    blocks = re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S | re.M)
    assert blocks[:2] == ["pip install . && celosia demo\n", "pip install '.[test]' && pytest\n"]


@pytest.mark.parametrize("page", PAGES)
def test_links_inside_the_repository_lead_somewhere(page):
    path = ROOT / page
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target.partition("#")[0]).exists(), target


def test_the_program_runs(tmp_path, monkeypatch, capsys):
    (program,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S | re.M)
    monkeypatch.chdir(tmp_path)
    Path("network.tflite").write_bytes(MODEL.read_bytes())
    np.save("x.npy", digits().images[:1])
    assert '"verilator"' in program
    exec(program.replace('"verilator"', '"functional"'), {})
    assert re.fullmatch(r"\[\[[-\d\s]+\]\] \d+\n", capsys.readouterr().out)


def test_the_picture_is_current():
    cycles = compiler.compile(load(MODEL), preset("c256")).predicted
    picture = (ROOT / "docs/demo.svg").read_text(encoding="utf-8").replace("&#160;", " ")
    assert f"One digit takes {cycles:,} cycles" in picture, "run `python docs/picture.py` and commit what it writes"
