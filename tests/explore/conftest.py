# SPDX-License-Identifier: Apache-2.0
"""Networks and points to explore, and workers for them."""

from contextlib import nullcontext
from functools import partial

import pytest

from celosia.arch.timing import ExternalTiming
from celosia.cli.configuration import parse_config
from celosia.demo import MODEL
from celosia.explore import space
from celosia.model import load
from support.command_line import command

DIGITS = space.Network("digits", "d1")


@pytest.fixture
def celosia(capfd, monkeypatch):
    """Runs the command line in this process."""
    monkeypatch.setenv("COLUMNS", "120")
    return partial(command, capfd)


@pytest.fixture(scope="session")
def graphs():
    return {DIGITS.digest: load(MODEL)}


@pytest.fixture
def points():
    """Makes points of texts for cores, on the demo's network."""

    def make(*cores: str, memories=("latency=30",), strategies=(space.BEST,)) -> list[space.Point]:
        timing = ExternalTiming(latency=30)
        return space.points([DIGITS], space.cores(cores, parse_config), memories, strategies, lambda *_: timing)

    return make


@pytest.fixture(scope="session")
def cluster():
    """Two workers that stay, and the address of their scheduler."""
    pytest.importorskip("distributed", reason="needs Dask: pip install 'celosia[explore]'")
    from celosia.workers import connected

    with connected(jobs=2) as client:
        yield client


@pytest.fixture
def connect(cluster):
    """As :func:`celosia.workers.connected`, but with workers that are there already."""
    return lambda: nullcontext(cluster)
