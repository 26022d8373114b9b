"""How much is measured: in a whole run, and in a quick one; and about how long that takes."""

from __future__ import annotations

from dataclasses import dataclass

from musicedge.session import BATCH
from musicedge_benchmarks.endurance import HOURS as HOURS_OF_LISTENING
from musicedge_benchmarks.memory import HOURS


@dataclass(frozen=True)
class Extent:
    """How long the clips are, in seconds, and how often each thing is measured."""

    short_clip: float
    cold_rounds: int
    mp3: float
    mp3_rounds: int
    frontend_rounds: int
    beside_librosa: bool
    long_wav: float
    switches: int
    live_steps: int
    live_seconds: float
    live_starts: int
    live_all: bool  # models, and not the first alone
    endurance: float
    model_rounds: int
    model_batches: tuple[int, ...]
    model_mp3: float
    model_mp3_rounds: int
    model_starts: int
    model_listening: float
    peer_rounds: int
    growth_hours: float
    growth_rounds: int

    def expected(self, part: str, models: int, threads: int, tracks: int) -> float:
        """Return about how many seconds a part takes, for the estimate of what is left.

        Parameters
        ----------
        part
            Its name.
        models, threads
            How many of each are compared.
        tracks
            On how many labelled ones the models are scored.
        """
        windows = 0.005 * sum(self.model_batches) * self.model_rounds * threads
        files = 0.003 * self.model_mp3 * (self.model_mp3_rounds + 1)
        starts = 0.4 * (self.model_starts + 1) if self.model_starts else 0.0
        readings = 0.02 * self.live_steps + self.live_seconds
        listening = models if self.live_all else 1
        return {
            "models": models * (2 + windows + files + starts + self.model_listening),
            "data": 3 + models * (3 + 0.07 * tracks),
            "cold-start": 0.8 * (self.cold_rounds + 1),
            "throughput": 1 + 0.006 * self.mp3 * (self.mp3_rounds + 1),
            "log-mel": 6.0 * self.beside_librosa + 0.08 * self.frontend_rounds,
            "memory": 0.0015 * self.long_wav,
            "live": 1.2 * self.switches + 1.5 * self.live_starts + listening * (1 + readings),
            "peers": 10 + 2.0 * self.peer_rounds,
            "growth": 12 * self.growth_hours * self.growth_rounds,
            "endurance": 0.014 * self.endurance,
        }[part]


FULL = Extent(
    short_clip=30.0,
    cold_rounds=15,
    mp3=300.0,
    mp3_rounds=7,
    frontend_rounds=30,
    beside_librosa=True,
    long_wav=HOURS * 3600,
    switches=100,
    live_steps=200,
    live_seconds=30.0,
    live_starts=9,
    live_all=True,
    endurance=HOURS_OF_LISTENING * 3600,
    model_rounds=100,
    model_batches=(1, BATCH),
    model_mp3=60.0,
    model_mp3_rounds=7,
    model_starts=5,
    model_listening=5.0,
    peer_rounds=9,
    growth_hours=HOURS,
    growth_rounds=2,
)
QUICK = Extent(
    short_clip=30.0,
    cold_rounds=2,
    mp3=10.0,
    mp3_rounds=2,
    frontend_rounds=7,
    beside_librosa=False,
    long_wav=3 * 60.0,
    switches=1,
    live_steps=20,
    live_seconds=0.5,
    live_starts=1,
    live_all=False,
    endurance=10 * 60.0,
    model_rounds=4,
    model_batches=(1,),
    model_mp3=10.0,
    model_mp3_rounds=2,
    model_starts=0,
    model_listening=0.0,
    peer_rounds=2,
    growth_hours=0.5,
    growth_rounds=1,
)
