# SPDX-License-Identifier: Apache-2.0
"""Which points are worth their area."""

import dataclasses

import pytest

from celosia.boards.parts import ICE40UP5K, LFE5U_25F
from celosia.explore.area import Area
from celosia.explore.outcome import Outcome
from celosia.explore.ranking import Row, rank

SMALL = Area(luts=6_000, ffs=1, multipliers=4, block_rams=28)
LARGE = Area(luts=12_000, ffs=1, multipliers=28, block_rams=14)
OTHER = Area(luts=7_000, ffs=1, multipliers=2, block_rams=28)
TOO_LARGE = Area(luts=24_000, ffs=1, multipliers=28, block_rams=57)


def row(points, cycles, area=SMALL, *, memory="m", core="c64", **more):
    (point,) = points(core, memories=(memory,))
    outcome = {"cycles": cycles, "macs": 640, "traffic": {"weights": 100}, "host": {"SOFTMAX": 1}} | more
    return Row(point=point, outcome=Outcome(**outcome)).with_area(area, synthesized=False)


def ranked(rows, against="luts"):
    """(cycles, optimal, balanced) in the order of the table."""
    return [(r.outcome.cycles, r.optimal, r.balanced) for r in rank(rows, LFE5U_25F, against)]


def test_the_fastest_first_and_fronts_marked(points):
    rows = [row(points, 30), row(points, 20, LARGE), row(points, 40, OTHER), row(points, 50)]
    assert ranked(rows) == [(20, True, True), (30, True, True), (40, False, True), (50, False, False)]


def test_fewer_bytes_make_a_point_worth_having_but_not_optimal(points):
    rows = [row(points, 30), row(points, 40, traffic={"weights": 99})]
    assert ranked(rows) == [(30, True, True), (40, False, True)]


@pytest.mark.parametrize(
    ("against", "optimal"), [("luts", [30, 20]), ("multipliers", [30, 20]), ("block_rams", [20]), ("fpga", [30, 20])]
)
def test_the_area_that_counts_is_chosen(points, against, optimal):
    rows = [row(points, 30), row(points, 20, LARGE)]
    assert {cycles for cycles, best, _ in ranked(rows, against) if best} == set(optimal)


def test_the_largest_share_of_the_fpga(points):
    (first,) = rank([row(points, 30)], LFE5U_25F, "luts")
    assert (first.scarcest, first.share) == ("block_rams", 28 / 56)
    (first,) = rank([row(points, 30, LARGE)], LFE5U_25F, "luts")
    assert (first.scarcest, first.share) == ("multipliers", 1.0)
    assert first.comparable


def test_what_does_not_fit_is_shown_but_wins_nothing(points):
    assert ranked([row(points, 10, TOO_LARGE), row(points, 30)]) == [(10, False, False), (30, True, True)]
    assert rank([row(points, 1, SMALL)], ICE40UP5K, "luts")[0].share > 1


def test_who_leaves_more_to_the_host_wins_nothing(points):
    rows = [row(points, 10, host={"SOFTMAX": 1, "CONV_2D": 1}, core="c16"), row(points, 30)]
    assert ranked(rows) == [(10, False, False), (30, True, True)]
    assert [r.more_on_host for r in rank(rows, LFE5U_25F, "luts")] == [True, False]


def test_memories_are_not_compared_with_each_other(points):
    rows = [row(points, 30, memory="fast"), row(points, 40, memory="slow"), row(points, 20, LARGE, memory="fast")]
    assert [(r.point.memory, r.outcome.cycles, r.optimal) for r in rank(rows, LFE5U_25F, "luts")] == [
        ("fast", 20, True), ("fast", 30, True), ("slow", 40, True),
    ]  # fmt: skip


def test_what_cannot_be_comes_last(points):
    (point,) = points("c16")
    refused = Row(point=point, outcome=Outcome(why="too small"))
    rows = rank([refused, dataclasses.replace(row(points, 30), point=point)], LFE5U_25F, "luts")
    assert [r.outcome.why for r in rows] == ["", "too small"]
    assert not rows[1].comparable
    assert rows[1].flat["why"] == "too small"


def test_flat(points):
    flat = rank([row(points, 20)], LFE5U_25F, "luts")[0].flat
    assert flat["cycles"] == 20
    assert flat["bytes"] == flat["bytes_weights"] == 100
    assert (flat["luts"], flat["area_from"], flat["host"]) == (6_000, "model", "SOFTMAX:1")
    assert all(isinstance(value, str | int | float | bool) for value in flat.values())


def test_use(points):
    assert row(points, 20).use == 640 / (20 * 64)
