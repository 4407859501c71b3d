# SPDX-License-Identifier: Apache-2.0
"""What other accelerators need for the MLPerf Tiny networks, as recorded in ``peers.json``.

Celosia's own cycles are never recorded: they are computed when they are asked for.
"""

import dataclasses
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from .errors import BenchError

__all__ = ["Network", "Peer", "Record", "file_hash", "find", "load_record", "same_file", "write_record"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network of the benchmark.

    Parameters
    ----------
    key
        Its name in the figures.
    file, source
        What its .tflite is called where it is published, and where that is.
    sha256
        Of the file that the figures were recorded for.
    """

    key: str
    title: str
    file: str
    source: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another accelerator's cycles, as a tool estimates them.

    Parameters
    ----------
    tool, version
        The Python package that made the figures.
    recorded
        The day they were made, as 2026-01-31.
    multipliers
        MACs it can do in a cycle.
    options
        What the tool was told, by the tool's own names.
    counts
        What is in the cycles and what is not, in a sentence.
    cycles
        By network, by kind of operator (TFLite's name).
    """

    name: str
    tool: str
    version: str
    recorded: str
    multipliers: int
    options: dict[str, str]
    counts: str
    cycles: dict[str, dict[str, int]]


@dataclass(frozen=True, kw_only=True)
class Record:
    """Everything in the file."""

    networks: tuple[Network, ...]
    peers: tuple[Peer, ...]

    def without(self, keys: Collection[str]) -> "Record":
        """A copy in which no peer has figures for these networks."""
        peers = (
            dataclasses.replace(peer, cycles={key: value for key, value in peer.cycles.items() if key not in keys})
            for peer in self.peers
        )
        return dataclasses.replace(self, peers=tuple(peers))


def load_record(path: Path | None = None) -> Record:
    """The record that comes with Celosia, or the one in a file.

    Raises
    ------
    BenchError
        The file is not such a record.
    """
    text = (path or files("celosia.bench").joinpath("peers.json")).read_text(encoding="utf-8")
    try:
        value = json.loads(text)
        networks = tuple(Network(**network) for network in value["networks"])
        return Record(networks=networks, peers=tuple(Peer(**peer) for peer in value["peers"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{path or 'peers.json'}: not a record of peers ({error}): write it with --record") from None


def write_record(record: Record, path: Path) -> None:
    """Write a record as `load_record` reads it."""
    value: dict[str, Any] = dataclasses.asdict(record)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def find(network: Network, folder: Path) -> Path | None:
    """The network's file in a folder: the one with its contents, whatever it is called, or else with its name.

    Figures that were recorded say nothing about a file with other contents (see `same_file`).
    """
    candidates = sorted(folder.glob("*.tflite"))
    for path in candidates:
        if same_file(network, path):
            return path
    return next((path for path in candidates if path.name == network.file), None)


def same_file(network: Network, path: Path) -> bool:
    """Whether this is the file that the figures were recorded for."""
    return file_hash(path) == network.sha256


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
