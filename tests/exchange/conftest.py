# SPDX-License-Identifier: Apache-2.0
"""What tests of exchange share: a cache of their own, the command line, and a network in a file."""

import pytest

from celosia.model import save
from exchange.drawn import every_kind
from support.command_line import command


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Nothing that was found before is used, or kept."""
    monkeypatch.setenv("CELOSIA_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def celosia(capfd):
    """Runs the command line."""
    return lambda *arguments: command(capfd, *arguments)


@pytest.fixture
def model(tmp_path):
    """A network with every kind of layer in a file."""
    path = tmp_path / "network.tflite"
    save(every_kind(), path)
    return path


@pytest.fixture
def write_file(tmp_path):
    """Writes a file of some lines and gives its path."""

    def to(name: str, *lines: str):
        path = tmp_path / name
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return path

    return to
