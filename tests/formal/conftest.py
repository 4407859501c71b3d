# SPDX-License-Identifier: Apache-2.0
"""Proofs: control and handshakes for every input, where simulation tries some.

``pytest tests/formal`` needs the extra ``formal``; without its tools the proofs are skipped and say why. With ``CI``
set in the environment that is a failure.
"""

import os

import pytest

from .proving import missing


@pytest.fixture(autouse=True)
def tools():
    if why := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
