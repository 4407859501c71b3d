# SPDX-License-Identifier: Apache-2.0
"""The faults that `python tests/mutation` puts in are faults: each is another program, on one line."""

import ast
from pathlib import Path

from mutation.equivalent import EQUIVALENT, judgement
from mutation.mutants import mutants_of

CHECKOUT = Path(__file__).parents[2]
GATEWARE = Path("hw/celosia/gateware")
ARRAY = GATEWARE / "datapath/accumulators.py"


def test_each_mutant_changes_one_line_and_is_python():
    source = (CHECKOUT / ARRAY).read_text(encoding="utf-8")
    mutants = list(mutants_of(ARRAY, CHECKOUT))
    assert len(mutants) > 15
    for mutant in mutants:
        changed = mutant.apply(source)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source)), mutant
        different = [
            i
            for i, pair in enumerate(zip(source.split("\n"), changed.split("\n"), strict=True), 1)
            if pair[0] != pair[1]
        ]
        assert different == [mutant.line], mutant


def test_every_kind_of_slip_occurs():
    files = [p.relative_to(CHECKOUT) for p in (CHECKOUT / GATEWARE).rglob("*.py")]
    changes = [(m.was, m.becomes) for path in files for m in mutants_of(path, CHECKOUT)]
    assert any(was.startswith("~") and becomes == f"({was[1:]})" for was, becomes in changes)
    assert any("m.If(" in was and becomes == "m.If(1)" for was, becomes in changes)
    assert any(was.startswith("Mux(") and becomes.startswith("Mux(") for was, becomes in changes)
    assert any(" - " in becomes and " + " in was for was, becomes in changes)
    assert len(changes) > 500


def test_what_is_judged_to_be_no_fault_is_there_once():
    found = []
    for path in {GATEWARE / judged.file for judged in EQUIVALENT}:
        lines = (CHECKOUT / path).read_text(encoding="utf-8").split("\n")
        found += [judgement(path, lines[m.line - 1], m.was, m.becomes) for m in mutants_of(path, CHECKOUT)]
    assert sorted(filter(None, found), key=str) == sorted(EQUIVALENT, key=str)


def test_the_document_gives_their_reasons():
    text = (CHECKOUT / "docs/verification.md").read_text(encoding="utf-8")
    assert all(judged.reason in text for judged in EQUIVALENT)
