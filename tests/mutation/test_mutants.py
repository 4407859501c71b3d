# SPDX-License-Identifier: Apache-2.0
"""The faults that `python tests/mutation` puts in are faults: each is another program, on one line."""

import ast
from pathlib import Path

from mutation.mutants import mutants_of

CHECKOUT = Path(__file__).parents[2]
ARRAY = Path("hw/celosia/gateware/datapath/accumulators.py")


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
    files = [p.relative_to(CHECKOUT) for p in (CHECKOUT / "hw/celosia/gateware").rglob("*.py")]
    changes = [(m.was, m.becomes) for path in files for m in mutants_of(path, CHECKOUT)]
    assert any(was.startswith("~") and becomes == f"({was[1:]})" for was, becomes in changes)
    assert any("m.If(" in was and becomes == "m.If(1)" for was, becomes in changes)
    assert any(was.startswith("Mux(") and becomes.startswith("Mux(") for was, becomes in changes)
    assert any(" - " in becomes and " + " in was for was, becomes in changes)
    assert len(changes) > 500
