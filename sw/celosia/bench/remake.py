# SPDX-License-Identifier: Apache-2.0
"""Making the peers' figures again, with whichever of their tools is installed."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from pathlib import Path

from celosia.model import load

from . import scalesim, vela
from .record import Peer, Record, file_hash, same_file

__all__ = ["remake", "versions"]


def versions(commands: Mapping[str, str]) -> dict[str, str]:
    """Versions of the tools that can be run, by tool."""
    found = {vela.TOOL: vela.version(commands[vela.TOOL]), scalesim.TOOL: scalesim.version(commands[scalesim.TOOL])}
    return {tool: version for tool, version in found.items() if version}


def remake(
    record: Record,
    paths: Mapping[str, Path],
    commands: Mapping[str, str],
    report: Callable[[str], None] = lambda line: None,
) -> Record:
    """The record with every figure that can be made here made again; peers whose tool is missing stay as they are.

    Parameters
    ----------
    paths
        By network, its file. Where that is another one than was recorded, figures that are not made again go.
    commands
        By tool, what runs it: Vela's command, and a Python that has SCALE-Sim.
    report
        Called with one line before each figure.

    Raises
    ------
    BenchError
        A tool is there and fails.
    ModelError
        A file is no network.
    """
    there = versions(commands)
    changed = {n.key: paths[n.key] for n in record.networks if n.key in paths and not same_file(n, paths[n.key])}
    peers = (
        _again(peer, there[peer.tool], paths, commands[peer.tool], report) if peer.tool in there else peer
        for peer in record.without(changed).peers
    )
    networks = tuple(
        dataclasses.replace(n, sha256=file_hash(changed[n.key])) if n.key in changed else n for n in record.networks
    )
    return Record(networks=networks, peers=tuple(peers))


def _again(peer: Peer, version: str, paths: Mapping[str, Path], command: str, report: Callable[[str], None]) -> Peer:
    """One peer, made again; of other versions nothing is kept."""
    cycles = dict(peer.cycles) if version == peer.version else {}
    for key, path in paths.items():
        report(f"{peer.name}: {path.name}")
        if peer.tool == vela.TOOL:
            cycles[key] = vela.vela_cycles(command, peer.options, path)
        else:
            cycles[key] = scalesim.scalesim_cycles(command, peer.options, load(path))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return dataclasses.replace(peer, version=version, recorded=today, cycles=cycles)
