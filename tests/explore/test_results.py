# SPDX-License-Identifier: Apache-2.0
"""The file of results outlives whoever writes it."""

import json

import pytest

from celosia.explore import results as module
from celosia.explore.errors import ExploreError
from celosia.explore.results import Results

A, B = ("a", "1"), ("b", "1")


def test_results_are_there_again(tmp_path):
    path = tmp_path / "r.jsonl"
    with Results(path) as results:
        results.add(A, {"cycles": 7})
        assert path.read_text().count("\n") == 1  # there at once, not when the file is closed
        results.add(B, {"why": "größer"})
    with Results(path) as results:
        assert A in results
        assert B in results
        assert ("c", "1") not in results
        assert results[A]["cycles"] == 7
        assert results[B]["why"] == "größer"


@pytest.mark.parametrize("kept", range(1, 40, 6))
def test_a_line_without_an_end_is_dropped(tmp_path, kept):
    path = tmp_path / "r.jsonl"
    with Results(path) as results:
        results.add(A, {"cycles": 7})
    first = path.read_bytes()
    with Results(path) as results:
        results.add(B, {"cycles": 8})
    path.write_bytes(path.read_bytes()[: len(first) + kept])
    with Results(path) as results:
        assert A in results
        assert B not in results
        assert path.read_bytes() == first
        results.add(B, {"cycles": 9})
    with Results(path) as results:
        assert results[B]["cycles"] == 9


def test_a_file_that_a_kill_left_without_a_whole_line(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"celosia": "0.')
    with Results(path) as results:
        results.add(A, {"cycles": 7})
    assert json.loads(path.read_text())["cycles"] == 7


def test_results_of_another_version_are_made_again(tmp_path, monkeypatch):
    path = tmp_path / "r.jsonl"
    with Results(path) as results:
        results.add(A, {"cycles": 7})
    monkeypatch.setattr(module, "own_version", lambda: "99")
    with Results(path) as results:
        assert A not in results


@pytest.mark.parametrize("line", ["no json", "[1, 2]", '{"cycles": 3}', "7", '{"of": 3, "celosia": "1"}'])
def test_other_files_are_left_alone(tmp_path, line):
    path = tmp_path / "notes.txt"
    path.write_text(f"{line}\nunfinished")
    with pytest.raises(ExploreError, match=r"notes\.txt: line 1 is no result of an exploration"):
        Results(path)
    assert path.read_text() == f"{line}\nunfinished"


def test_without_a_file():
    with Results(None) as results:
        results.add(A, {"cycles": 7})
        assert results[A]["cycles"] == 7
