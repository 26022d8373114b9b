"""What a trained network says of every crop of a bank, for another to learn from.

Knowledge distillation (Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network",
2015): the student sees the roughened crop, the teacher has heard the clean one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicedge.errors import MusicedgeError
from musicedge_training.accelerator import device
from musicedge_training.architectures.cnn import AudioTagger
from musicedge_training.architectures.heads import HeadSpec, MultitaskNetwork, SourceOutputs
from musicedge_training.crops import CropBank
from musicedge_training.stem import StemMaps

_BATCH = 256


class TeacherError(MusicedgeError):
    """A teacher is missing, or tells other things than the student is to learn."""


class Teacher(NamedTuple):
    """A trained network.

    Attributes
    ----------
    network
        The network.
    frozen_blocks
        How many of its layers are as the AudioSet network has them.
    trained_on
        What the tracks that it has heard are known by; empty where that is not known.
    """

    network: MultitaskNetwork
    frozen_blocks: int
    trained_on: tuple[str, ...] = ()


class Targets(NamedTuple):
    """What a teacher says of examples; of a bank's crops, with a first axis for the variants.

    Attributes
    ----------
    genre : Tensor [shape=(n, genres)]
        Logits.
    values, gates : Mapping of str to Tensor [shape=(n, sources)]
        Of each mood, what each source would say, and the logits of the sources.
    """

    genre: Tensor
    values: Mapping[str, Tensor]
    gates: Mapping[str, Tensor]

    def take(self, variants: NDArray[np.int64], rows: NDArray[np.int64]) -> Targets:
        """Return the targets of some of a bank's crops, each by its variant and its row."""
        index = torch.from_numpy(variants), torch.from_numpy(rows)
        return self.map(lambda answers: answers[index])

    def map(self, change: Callable[[Tensor], Tensor]) -> Targets:
        """Return the targets with every tensor changed alike."""
        return Targets(
            change(self.genre),
            {mood: change(values) for mood, values in self.values.items()},
            {mood: change(gates) for mood, gates in self.gates.items()},
        )


def targets_of(teacher: Teacher, bank: CropBank, tagger: AudioTagger, variants: int) -> Targets:
    """Return what a teacher says of the clean crops of each variant."""
    stem = StemMaps(bank, tagger, teacher.frozen_blocks)
    where = device()
    network = teacher.network.eval().to(where)
    results = []
    for variant in range(variants):
        maps = stem.open(variant).clean
        parts = []
        for start in range(0, len(maps), _BATCH):
            x = torch.from_numpy(maps[start : start + _BATCH].astype(np.float32)).to(where)
            with torch.inference_mode():
                if x.ndim > 2:
                    x = network.backbone(x, start=teacher.frozen_blocks)
                given = network.head_outputs(x)
            moods = {k: v for k, v in given.items() if isinstance(v, SourceOutputs)}
            parts.append(
                Targets(
                    given["genre"].cpu() if "genre" in given else torch.zeros(len(x), 0),
                    {mood: outputs.values.cpu() for mood, outputs in moods.items()},
                    {mood: outputs.gate.cpu() for mood, outputs in moods.items()},
                )
            )
        results.append(_put(parts, torch.cat))
    return _put(results, torch.stack)


def check_teacher(teacher: Teacher, heads: tuple[HeadSpec, ...]) -> None:
    """Raise a `TeacherError` where a teacher's heads are not those that a student gets."""
    theirs = {spec.name: _meaning(spec) for spec in teacher.network.specs}
    for spec in heads:
        if theirs.get(spec.name) != _meaning(spec):
            raise TeacherError(
                f"the teacher's head {spec.name!r} has {theirs.get(spec.name)}, the student's "
                f"{_meaning(spec)}: train the teacher on the same labels"
            )


def _meaning(spec: HeadSpec) -> tuple[str, ...]:
    return spec.labels or tuple(source.name for source in spec.sources)


def _put(parts: Sequence[Targets], together: Callable[[list[Tensor]], Tensor]) -> Targets:
    return Targets(
        together([part.genre for part in parts]),
        {mood: together([part.values[mood] for part in parts]) for mood in parts[0].values},
        {mood: together([part.gates[mood] for part in parts]) for mood in parts[0].gates},
    )
