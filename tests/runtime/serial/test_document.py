# SPDX-License-Identifier: Apache-2.0
"""docs/link.md says what the code says."""

from pathlib import Path

import pytest

from celosia.arch.link import BAUD, LINK_IDENTITY, MAX_READ_WORDS, MAX_WRITE_WORDS, WINDOW, Info, Operation, Status

TEXT = (Path(__file__).parents[3] / "docs/link.md").read_text(encoding="utf-8")


def rows(name: str) -> list[str]:
    return [line for line in TEXT.splitlines() if line.startswith("|") and name in line]


@pytest.mark.parametrize("status", Status)
def test_statuses(status):
    assert any(row.startswith(f"| {status.name} | {status.value} |") for row in rows(status.name))


@pytest.mark.parametrize("operation", Operation)
def test_operations(operation):
    found = []
    for row in rows(operation.name):
        names, numbers = ([part.strip() for part in cell.split(",")] for cell in row.split("|")[1:3])
        if operation.name in names:
            found.append(int(numbers[names.index(operation.name)]))
    assert found == [operation]


@pytest.mark.parametrize("info", Info)
def test_information(info):
    assert any(f"0x{info.value:02X}" in row.split("|")[1] for row in rows("0x"))


def test_numbers():
    for text in (f"{BAUD:,} bits a", f"0x{LINK_IDENTITY:04X}", f"up to {MAX_READ_WORDS} words"):
        assert text in TEXT
    assert f"up to {MAX_WRITE_WORDS} words" in TEXT
    assert f"at most {WINDOW} requests" in TEXT
