# SPDX-License-Identifier: Apache-2.0
"""Fronts."""

from hypothesis import given
from hypothesis import strategies as st

from celosia.explore.pareto import front


def beats(one, other):
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 5)] * n), max_size=12)))
def test_the_front_is_what_nothing_beats(items):
    assert front(items, lambda item: item) == [item for item in items if not any(beats(o, item) for o in items)]


def test_the_costs_count_not_the_items():
    words = ["aaa", "b", "cc", "d", "eee"]
    assert front(words, lambda word: (len(word), -ord(word[0]))) == ["d", "eee"]
