"""The card: what a model file says about itself, as JSON in the ONNX metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from musicedge.analysis import MOODS
from musicedge.card_rules import (
    MAX_NAME,
    MAX_PROSE,
    check_json,
    check_keys,
    check_number,
    check_one_of,
    check_text,
    check_whole,
    list_of,
    object_of,
    refuse_constant,
)
from musicedge.decoding.base import SAMPLE_RATE_RANGE
from musicedge.frontend_config import FrontEndConfig
from musicedge.values import Value

METADATA_KEY = "musicedge.card"
FORMAT_VERSION = 2

GraphInput = Literal["logmel", "waveform"]
HeadKind = Literal["classification", "regression", "detection"]

HEAD_KINDS: dict[str, HeadKind] = {
    "genre": "classification",
    **dict.fromkeys(MOODS, "regression"),
    "music": "detection",
}
"""The heads that this version reads, and the kind of each."""

# A card is untrusted: these bound the memory and the text that it can ask for.
_MAX_CARD_CHARACTERS = 1_000_000
_MAX_LABELS = 1024
_MAX_WINDOW_VALUES = 2**22  # window_frames * n_mels: 16 MiB of float32; 10 s are 128,000
_MAX_COUNT = 2**53
_TEMPERATURES = (0.01, 100.0)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Head(Value):
    """One output of the network.

    Parameters
    ----------
    name
        The output's name in the graph; one of `HEAD_KINDS`.
    kind
        ``"classification"`` gives logits, np.ndarray [shape=(batch, n_labels)]; ``"regression"``
        and ``"detection"`` give values in `range`, np.ndarray [shape=(batch,)].
    labels
        The classes, in the order of the logits; empty for the other kinds.
    range
        Lowest and highest value of the result; this format knows (0, 1) only.
    meaning
        What the values mean, in words.
    temperature
        What the logits are divided by before the softmax, so that the scores are calibrated (Guo et
        al., "On calibration of modern neural networks", ICML 2017); 1 for the other kinds.
    threshold
        From which value on a detection holds; None for the other kinds.

    Raises
    ------
    ValueError
        A value is out of its range; the message names the field and the value.
    """

    name: str
    kind: HeadKind
    labels: tuple[str, ...] = ()
    range: tuple[float, float] = (0.0, 1.0)
    meaning: str = ""
    temperature: float = 1.0
    threshold: float | None = None

    def __post_init__(self) -> None:
        check_one_of("head", self.name, tuple(HEAD_KINDS))
        check_one_of("kind", self.kind, get_args(HeadKind))
        if self.kind != HEAD_KINDS[self.name]:
            raise ValueError(
                f"kind is {self.kind!r}: {self.name} is a {HEAD_KINDS[self.name]} head"
            )
        check_text("meaning", self.meaning, MAX_PROSE)
        if not isinstance(self.labels, tuple) or not isinstance(self.range, tuple):
            raise ValueError("labels and range must be tuples")
        if tuple(self.range) != (0, 1):
            raise ValueError(f"range is {list(self.range)}: must be [0, 1]")
        if self.kind == "classification":
            self._check_labels()
            check_number("temperature", self.temperature, *_TEMPERATURES)
        elif self.labels:
            raise ValueError(f"labels are given, but {self.name} is a {self.kind} head")
        elif self.temperature != 1:
            raise ValueError(f"temperature is {self.temperature!r}: must be 1 for {self.kind}")
        if self.kind == "detection":
            if self.threshold is None:
                raise ValueError("threshold is null: a detection head needs one")
            check_number("threshold", self.threshold, 0, 1)
        elif self.threshold is not None:
            raise ValueError(f"threshold is {self.threshold!r}: must be null for {self.kind}")

    def _check_labels(self) -> None:
        if not 2 <= len(self.labels) <= _MAX_LABELS:
            raise ValueError(f"labels are {len(self.labels)}: must be 2 to {_MAX_LABELS}")
        for label in self.labels:
            check_text("label", label, MAX_NAME, least=1)
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels hold the same label twice")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Head:
        """Build a head from its JSON object; unknown or missing keys are errors."""
        check_keys("head", values, cls)
        labels, limits = list_of("labels", values["labels"]), list_of("range", values["range"])
        return cls(**{**values, "labels": tuple(labels), "range": tuple(limits)})

    def to_dict(self) -> dict[str, Any]:
        """Return the head as a JSON-ready object."""
        return {**asdict(self), "labels": list(self.labels), "range": list(self.range)}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GraphFacts(Value):
    """What the graph is made of.

    Parameters
    ----------
    opset
        The version of ONNX's operators.
    parameters
        Numbers that were learned.
    macs
        Multiply-accumulates of one window.
    operators
        How often each operator occurs.

    Raises
    ------
    ValueError
        A value is out of its range; the message names the field and the value.
    """

    opset: int
    parameters: int
    macs: int
    operators: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("opset", "parameters", "macs"):
            check_whole(f"graph {name}", getattr(self, name), _MAX_COUNT, least=0)
        check_json("graph operators", self.operators)
        for name, count in self.operators.items():
            check_whole(f"graph operators {name}", count, _MAX_COUNT)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GraphFacts:
        """Build the facts from their JSON object; unknown or missing keys are errors."""
        check_keys("graph", values, cls)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as a JSON-ready object."""
        return asdict(self)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Card(Value):
    """What a model file says about itself.

    Parameters
    ----------
    name, architecture, variant
        For instance ``"cnn"``, ``"MobileNetV3-Large x 0.4"``, ``"int8"``.
    input
        What the graph takes: ``"logmel"``, np.ndarray [shape=(batch, window_frames, n_mels)], or
        ``"waveform"``, mono samples at the front-end's rate, np.ndarray [shape=(batch, n)], of
        which it makes the log-mel itself.
    frontend
        The constants of the log-mel.
    window_frames, hop_frames
        Length of the window that the network sees, and the step from one to the next, in frames.
    heads
        The outputs of the graph, each once.
    graph
        What the graph is made of.
    training_data, licence, notes, commit
        In words: what it was trained on, under which terms it may be used, what to know, and the
        commit that made it.
    scores
        Measured scores, any JSON object.
    created_with
        Packages and their versions.
    format_version
        Version of this form.

    Raises
    ------
    ValueError
        A value is out of its range; the message names the field and the value.
    """

    name: str
    architecture: str
    variant: str
    input: GraphInput = "logmel"
    frontend: FrontEndConfig
    window_frames: int
    hop_frames: int
    heads: tuple[Head, ...]
    graph: GraphFacts
    training_data: str = ""
    licence: str = ""
    notes: str = ""
    scores: dict[str, Any] = field(default_factory=dict)
    commit: str = ""
    created_with: dict[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        _check_version(self.format_version)
        for name in ("name", "variant", "architecture"):
            check_text(name, getattr(self, name), MAX_NAME, least=1)
        for name in ("training_data", "licence", "notes", "commit"):
            check_text(name, getattr(self, name), MAX_PROSE)
        check_one_of("input", self.input, get_args(GraphInput))
        for name, kind in (("frontend", FrontEndConfig), ("graph", GraphFacts)):
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name} is {getattr(self, name)!r}: must be a {kind.__name__}")
        check_number("frontend sample_rate", self.frontend.sample_rate, *SAMPLE_RATE_RANGE)
        check_whole("window_frames", self.window_frames, _MAX_WINDOW_VALUES // self.frontend.n_mels)
        check_whole("hop_frames", self.hop_frames, self.window_frames)
        if not isinstance(self.heads, tuple) or not all(isinstance(h, Head) for h in self.heads):
            raise ValueError("heads must be a tuple of Head")
        names = [head.name for head in self.heads]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"heads are {names}: must be at least one, each once")
        check_json("scores", self.scores)
        check_json("created_with", self.created_with)
        if not all(isinstance(version, str) for version in self.created_with.values()):
            raise ValueError("created_with must hold texts")

    @property
    def window_seconds(self) -> float:
        """Length of the window, in seconds."""
        return self.window_frames / self.frontend.frame_rate

    @property
    def hop_seconds(self) -> float:
        """Step from one window to the next, in seconds."""
        return self.hop_frames / self.frontend.frame_rate

    def head(self, name: str) -> Head | None:
        """Return the head of that name, or None where the model has none."""
        return next((head for head in self.heads if head.name == name), None)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Card:
        """Build a card from its JSON object; unknown or missing keys are errors."""
        version = values.get("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise NewerFormat(version)
        if "format_version" in values:  # before keys that an older format lacks
            _check_version(version)
        check_keys("card", values, cls)
        for name in ("frontend", "graph"):
            if not isinstance(values[name], Mapping):
                raise ValueError(f"{name} must be an object")
        return cls(
            **{
                **values,
                "frontend": FrontEndConfig.from_dict(values["frontend"]),
                "graph": GraphFacts.from_dict(values["graph"]),
                "heads": tuple(
                    Head.from_dict(object_of(h)) for h in list_of("heads", values["heads"])
                ),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the card as a JSON-ready object."""
        parts = {
            "frontend": self.frontend.to_dict(),
            "heads": [head.to_dict() for head in self.heads],
            "graph": self.graph.to_dict(),
        }
        return {key.name: parts.get(key.name, getattr(self, key.name)) for key in fields(self)}

    @classmethod
    def from_json(cls, text: str) -> Card:
        """Read the text that stands in the ONNX metadata under `METADATA_KEY`.

        Raises
        ------
        ValueError
            The text is no JSON object, or it breaks a rule of the card.
        NewerFormat
            The card's format is newer than this version reads.
        """
        if len(text) > _MAX_CARD_CHARACTERS:
            raise ValueError(f"it has {len(text)} characters: at most {_MAX_CARD_CHARACTERS}")
        try:
            values = json.loads(text, parse_constant=refuse_constant)
            return cls.from_dict(object_of(values))
        except RecursionError:
            raise ValueError("it is nested too deep") from None
        except OverflowError:
            raise ValueError("a number in it is too large") from None

    def to_json(self) -> str:
        """Return the text for the ONNX metadata."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)


class NewerFormat(ValueError):
    """A card's format is newer than this version reads."""

    def __init__(self, version: int) -> None:
        super().__init__(f"card format {version}, this one reads {FORMAT_VERSION}")


def _check_version(version: Any) -> None:
    if version != FORMAT_VERSION:
        raise ValueError(f"format_version is {version!r}: must be {FORMAT_VERSION}")
