# SPDX-License-Identifier: Apache-2.0
"""The documents say what the code says."""

from pathlib import Path

import pytest

from celosia.arch import document, isa, registers

DOCS = Path(__file__).parents[2] / "docs"


def test_commands_are_current():
    message = "run `python -m celosia.arch.document docs/commands.md` and commit what it writes"
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == document.render(), message


@pytest.mark.parametrize("opcode", isa.Opcode)
def test_every_field_is_listed(opcode):
    text = document.render()
    section = next(part for part in text.split("\n### ") if f"{opcode.name} ({opcode.value:#04x})" in part)
    for name, (first, width, _) in isa.fields_of(isa.layout_of(opcode)).items():
        assert f"| `{name}` | {first // 8} | {first + width - 1}:{first} | {width} |" in section


def test_every_register_is_listed_with_its_comment():
    text = document.render()
    for register in registers.Register:
        assert f"| `{register.value:#04x}` | `{register.name}` |" in text
    assert "| `0x24` | `TIMEOUT` | W: cycles without progress" in text


def test_main_writes_or_prints(tmp_path, capsys):
    document.main([])
    printed = capsys.readouterr().out
    document.main([str(tmp_path / "commands.md")])
    assert printed == (tmp_path / "commands.md").read_text(encoding="utf-8") == document.render()
    with pytest.raises(SystemExit, match="usage"):
        document.main(["a", "b"])
