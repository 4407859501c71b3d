# SPDX-License-Identifier: Apache-2.0
"""Both cycle-accurate simulators around a design of the test's choice, with one build cache for all."""

import os

import pytest

from celosia.sim import MemoryModel
from celosia.sim.pysim import PysimTransport
from celosia.sim.verilator import VerilatorTransport
from sim.copier import Copier, small

TRANSPORTS = {"pysim": PysimTransport, "verilator": VerilatorTransport}


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Builds are kept where CELOSIA_CACHE says, or as long as the session, never in the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("CELOSIA_CACHE"):
            base = tmp_path_factory.getbasetemp()
            shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
            patch.setenv("CELOSIA_CACHE", str(shared / "cache"))
        yield


@pytest.fixture
def simulate():
    """``simulate(name, external=…, component=…)``, a class: an open transport, closed after the test."""
    transports = []

    def start(name, external=None, component=Copier, config=None, **options):
        config = config or small()
        transport = TRANSPORTS[name](
            config, lambda: component(config), external=external or MemoryModel(size=1 << 16), **options
        )
        transports.append(transport)
        return transport

    yield start
    for transport in transports:
        transport.close()
