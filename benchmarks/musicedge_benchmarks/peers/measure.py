"""Our stages beside other people's and beside the floors under them, all in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from musicedge import audio
from musicedge_benchmarks.clips import RATE
from musicedge_benchmarks.extras import is_installed
from musicedge_benchmarks.frontend_speed import transforms
from musicedge_benchmarks.peers.decoders import DECODERS
from musicedge_benchmarks.peers.frontends import FRONT_ENDS
from musicedge_benchmarks.peers.networks import NETWORKS
from musicedge_benchmarks.peers.peer import Material, NotGiven, Work
from musicedge_benchmarks.peers.pipelines import SAME_NETWORK
from musicedge_benchmarks.rounds import (
    RoundsInterrupted,
    Spread,
    Tell,
    interleave,
    median_of_ratios,
    portion,
    seconds,
    silence,
)

OURS = "musicedge"

_STAGES = {
    "decoding": DECODERS,
    "log-mel": FRONT_ENDS,
    "from file to result": (*SAME_NETWORK, *NETWORKS),
}
_FLOORS = {
    "log-mel": {"rfft": "NumPy rfft alone"},
    "from file to result": {
        "decode": "decoding alone",
        "rfft": "NumPy rfft alone",
        "macs": "the network's MACs at the GEMM rate",
        "all": "the three together",
    },
}
_SIDE = 512  # of the matrices: large enough for the best rate, and no larger than a level-2 cache
_LONGEST_REASON = 150  # characters of what another program says


@dataclass(frozen=True)
class PeerTime:
    """One way of doing a stage.

    Attributes
    ----------
    stage, name
        The stage, and whose way it is.
    is_floor
        Whether it is a part of the stage alone, below which nobody gets.
    taken
        Seconds for the clip.
    ours_over
        Our time over this one, of each round.
    """

    stage: str
    name: str
    is_floor: bool
    taken: Spread
    ours_over: Spread


@dataclass
class Peers:
    """All of them.

    Attributes
    ----------
    clip_seconds
        Length of the clip.
    times
        Stage by stage, ours first.
    macs_per_second
        Of products of large matrices in single precision, one thread; None before it is measured.
    remarks
        One line for each peer that is not there, with how to get it, or that says another genre of
        the clip than we do.
    """

    clip_seconds: float
    times: list[PeerTime] = field(default_factory=list)
    macs_per_second: Spread | None = None
    remarks: list[str] = field(default_factory=list)


def measure_peers(
    material: Material, found: Peers, *, rounds: int, on_round: Tell = silence
) -> None:
    """Time every way of doing each stage, in turn, each on one thread.

    Parameters
    ----------
    material
        What all are given.
    found
        Gets what was measured; also where it is interrupted after a round.
    rounds
        How often.
    on_round
        Told what is being done.
    """
    analysis = material.model.analyze(material.clip)
    macs = float(material.model.card.graph.macs * len(analysis.segments))
    genre = analysis.genre[0].label if analysis.genre else ""
    works = _works(material, genre, found.remarks, portion(on_round, 0, 0.3))
    tasks: dict[str, Callable[[], float]] = {
        _key(*name): partial(seconds, work) for name, work in works.items()
    }
    tasks |= {name: partial(seconds, work) for name, work in _floors(material).items()}
    interrupted = None
    try:
        measured = interleave(tasks, rounds, on_round=portion(on_round, 0.3, 1))
    except RoundsInterrupted as stop:
        measured, interrupted = stop.measured, stop
    rate = [_SIDE**3 / taken for taken in measured["gemm"]]
    found.macs_per_second = Spread.of(rate)
    measured["macs"] = [macs / each for each in rate]
    parts = (measured[name] for name in ("decode", "rfft", "macs"))
    measured["all"] = [sum(each) for each in zip(*parts, strict=True)]
    for stage in _STAGES:
        ours = measured[_key(stage, OURS)]
        lines = [(name, measured[_key(at, name)], False) for at, name in works if at == stage]
        lines += [(name, measured[key], True) for key, name in _FLOORS.get(stage, {}).items()]
        found.times += [
            PeerTime(stage, name, is_floor, Spread.of(taken), median_of_ratios(ours, taken))
            for name, taken, is_floor in lines
        ]
    if interrupted is not None:
        raise interrupted


def _works(
    material: Material, genre: str, remarks: list[str], tell: Tell
) -> dict[tuple[str, str], Work]:
    """Return what is timed, by stage and name: ours, and each peer that is there and works."""
    works = {(stage, OURS): work for stage, work in _ours(material).items()}
    all_peers = [(stage, peer) for stage, peers in _STAGES.items() for peer in peers]
    for number, (stage, peer) in enumerate(all_peers):
        tell(f"preparing {peer.name}", number / len(all_peers))
        try:
            if not all(map(is_installed, peer.packages)):
                raise NotGiven(peer.remedy)
            work = peer.prepare(material)
            said = work()  # what is made once, such as a compiled network, is made now
        except Exception as error:  # whatever another program raises costs its own line only
            reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
            remarks.append(f"{peer.name} is left out: {reason}")
            continue
        works[stage, peer.name] = work
        if isinstance(said, str) and said != genre:
            remarks.append(f"{peer.name} says {said} of the clip, and we {genre}")
    return works


def _ours(material: Material) -> dict[str, Work]:
    return {
        "decoding": lambda: _decode(material),
        "log-mel": lambda: material.model.front_end.logmel(material.samples),
        "from file to result": lambda: material.model.analyze(material.clip),
    }


def _decode(material: Material) -> object:
    with audio.open(material.clip, sample_rate=RATE) as reader:
        return np.concatenate(list(reader))


def _floors(material: Material) -> dict[str, Work]:
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, _SIDE, _SIDE), np.float32)
    product = np.empty_like(left)
    return {
        "decode": lambda: _decode(material),
        "rfft": transforms(material.samples, material.model.front_end),
        "gemm": lambda: np.matmul(left, right, out=product),
    }


def _key(stage: str, name: str) -> str:
    return f"{stage}: {name}"
