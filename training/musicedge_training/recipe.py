"""A recipe: everything that one training depends on, as a typed TOML file."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from musicedge.errors import MusicedgeError
from musicedge_training.augmentation.catalogue import KINDS, STANDARD, Augmentation

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPES = Path(__file__).parent / "recipes"


# A path's part that is no hidden file and no way up.
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"

# How many of a backbone's first layers may be frozen; between 7 and 17 the CNN's heads read them.
_FROZEN = {"cnn": (*range(8), 17), "lstm": range(14), "ast": range(14), "ast-linear": (0,)}


class RecipeError(MusicedgeError):
    """A recipe cannot be read, or one of its keys or values is wrong."""


class Recipe(BaseModel):
    """The settings of one training; each field's comment says what it does."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(max_length=64, pattern=_NAME)
    """What the results' folder and the exported model are called."""
    architecture: Literal["cnn", "lstm", "ast", "ast-linear"] = "cnn"
    """The backbone."""
    start: Literal["audioset", "shipped"] = "audioset"
    """What the CNN begins as: the AudioSet network, or the shipped CNN, which is here already."""
    augmentation: Augmentation = STANDARD["waveform"]
    """What roughens the crops, in order, and what is done to each step's examples.

    A list of kinds, each a name or a table with settings of its own; or ``"waveform"``, the
    standard ones of the sound itself, or ``"spectrogram"``, much quicker, those of its log-mel.
    """
    imagenet: bool = False
    """Whether ``ast-linear`` starts from timm's DeiT, trained on ImageNet (fetched by timm)."""
    teacher: str | None = Field(default=None, pattern=_NAME)
    """The recipe whose network, trained on the same split, is learned from; None for no teacher."""
    teacher_weight: float = Field(default=1.0, ge=0)
    """Weight of saying what the teacher says."""
    seed: int = 0
    epochs: int = Field(default=12, ge=1)
    samples_per_epoch: int = Field(default=3000, ge=1)
    batch_size: int = Field(default=32, ge=1, validate_default=True)
    crop_share: float = Field(default=0.6, gt=0, le=1)
    """Share of each 10 s crop that a step sees."""
    variants: int = Field(default=4, ge=1)
    """Augmented crops of each track."""
    rough_share: float = Field(default=0.75, ge=0, le=1)
    """Share of examples that are augmented; the others are clean."""
    frozen_blocks: int = Field(default=7, ge=0, le=17, validate_default=True)
    """Layers of the backbone, from the input, that keep the pretrained weights.

    Of the CNN 0 to 7, or 17, all: between them lie layers that the heads read. The LSTM and the AST
    have 13 of them, ``ast-linear`` none.
    """
    schedule: Literal["one-cycle", "plateau"] = "one-cycle"
    """The learning rate's course: up and down by cosines, or down where validation stands still."""
    patience: int = Field(default=0, ge=0)
    """Epochs without a gain in validation after which training stops; 0 for never.

    With ``plateau`` the rate is cut to a third after half as many, at least one.
    """
    learning_rate: float = Field(default=1e-3, gt=0)
    backbone_rate: float = Field(default=0.3, ge=0)
    """Learning rate of the backbone, as a share of the heads'."""
    weight_decay: float = Field(default=1e-2, ge=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    genre_weight: float = Field(default=1.0, ge=0)
    mood_weight: float = Field(default=0.3, ge=0)
    mood_loss: Literal["mse", "ccc", "mix"] = "mse"
    """What a mood's error is: squared, one minus the concordance of the batch, or half of each."""
    weighting: Literal["uniform", "fixed", "uncertainty", "dwa", "gradnorm"] = "fixed"
    """How genre and moods are weighed against each other.

    ``uniform``: alike, whatever their weights here; ``fixed``: by these alone; the others learn
    weights that these are multiplied by.
    """
    gradnorm_alpha: float = Field(default=1.5, ge=0, le=10)
    """How hard ``gradnorm`` pulls towards the tasks that are behind; 0 for none."""
    gradnorm_rate: float = Field(default=0.025, gt=0, le=1)
    """The learning rate of the weights of ``gradnorm``."""
    music_weight: float = Field(default=0.3, ge=0)
    tagging_weight: float = Field(default=1.0, ge=0)
    """Weight of staying close to the pretrained network's own 527 tags of the clean crop."""
    anchor_weight: float = Field(default=0.3, ge=0)
    """Weight of staying close to the pretrained network's own genres of the clean crop."""
    genre_pull: float = Field(default=0.03, ge=0)
    """Weight of the squared distance of the genre head from where it began."""
    mood_size: int = Field(default=80, ge=1, le=4096)
    """Units of the hidden layer that the moods share."""
    mood_pull: float = Field(default=0.03, ge=0)
    """As `genre_pull`, for the outputs of each mood's sources."""
    mood_hidden_pull: float = Field(default=0.003, ge=0)
    """As `genre_pull`, for the moods' hidden layer."""
    gate_weight: float = Field(default=0.3, ge=0)
    """Weight of telling which source a mood's label is from."""
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    """Decay, a step, of the moving average of the weights, which is what is kept."""

    def weight_of(self, task: str) -> float:
        """Return how much genre, or a mood, counts before any weight is learned."""
        if self.weighting == "uniform":
            return 1.0
        return self.genre_weight if task == "genre" else self.mood_weight

    @property
    def goes_by_validation(self) -> bool:
        """Whether tracks that are not trained on change what comes out."""
        return bool(self.patience) or self.schedule == "plateau"

    @field_validator("name")
    @classmethod
    def _not_the_probes(cls, name: str) -> str:
        if name == "probe":
            raise ValueError("the results of the probe are called so")
        return name

    @field_validator("frozen_blocks")
    @classmethod
    def _above_what_is_read(cls, layers: int, info: ValidationInfo) -> int:
        architecture = info.data.get("architecture", "cnn")
        allowed = _FROZEN[architecture]
        if layers not in allowed:
            last = f", or {allowed[-1]}" if architecture == "cnn" else ""
            top = 7 if architecture == "cnn" else allowed[-1]
            raise ValueError(f"must be {f'0 to {top}' if top else 0}{last} for {architecture!r}")
        return layers

    @model_validator(mode="after")
    def _fits_the_start(self) -> Recipe:
        if self.start == "shipped" and (self.tagging_weight or self.anchor_weight):
            raise ValueError(
                "start: the shipped CNN has no tags: set tagging_weight and anchor_weight to 0"
            )
        if self.start == "shipped" and self.architecture != "cnn":
            raise ValueError("start: only the 'cnn' can begin as the shipped CNN")
        return self

    @field_validator("imagenet")
    @classmethod
    def _fits_imagenet(cls, wanted: bool, info: ValidationInfo) -> bool:
        if wanted and info.data.get("architecture") != "ast-linear":
            raise ValueError("only 'ast-linear' has ImageNet's shapes")
        return wanted

    @field_validator("batch_size")
    @classmethod
    def _fits_an_epoch(cls, size: int, info: ValidationInfo) -> int:
        samples = info.data.get("samples_per_epoch", size)
        if size > samples:
            raise ValueError(f"more than the samples_per_epoch, {samples}")
        return size


def load_recipe(path: str | Path, overrides: dict[str, Any] | None = None) -> Recipe:
    """Read a recipe by path, or by the name of one that ships, with values replaced by `overrides`.

    Raises
    ------
    RecipeError
        The file is missing or no TOML, a key is unknown (the nearest known one is named), or a
        value is out of range.
    """
    path = Path(path)
    shipped = RECIPES / f"{path}.toml"
    bare = path.name == str(path)
    file = shipped if bare and shipped.is_file() and not path.is_file() else path
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = sorted(p.stem for p in RECIPES.glob("*.toml"))
        names = ", ".join(known)
        raise RecipeError(
            f"{path}: no such recipe; shipped ones are {names}{_nearest(path.name, known)}"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as TOML: {error}") from error
    values.update(overrides or {})
    try:
        return Recipe(**values)
    except ValidationError as error:
        raise RecipeError(f"{path}: {_first_of(error)}") from None


def _first_of(error: ValidationError) -> str:
    """Say in one line what is wrong with the first wrong value; a misspelt key comes before it."""
    found = error.errors()
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    # Of a list, where in it is told by the kind: a name may stand for many.
    where = [part for part in first["loc"] if isinstance(part, str)]
    place, key = ".".join(where), where[-1] if where else ""
    if first["type"] == "missing":
        return f"{place} is missing"
    if first["type"] == "extra_forbidden":
        kind = KINDS.get(where[-2]) if len(where) > 1 else Recipe
        known = kind.model_fields if kind else ()
        inside = f"{'.'.join(where[:-1])}: " if len(where) > 1 else ""
        return f"{inside}unknown key {key!r}{_nearest(key, known)}"
    if first["type"] == "union_tag_not_found":
        return f"{place}: {first['input']!r} has no kind, such as {{ kind = 'mixup' }}"
    if first["type"] == "union_tag_invalid":
        tag = str(first["ctx"]["tag"])
        names = [*KINDS, *STANDARD]
        near = _nearest(tag, names) or f"; there are {', '.join(names)}"
        return f"{place}: unknown kind {tag!r}{near}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{place} is {first['input']!r}: {message}" if where else message


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` texts as values: TOML's, a bare word as a text, ``none`` as None.

    Raises
    ------
    RecipeError
        One has no equals sign.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise RecipeError(f"{setting!r}: must be KEY=VALUE, such as epochs=20")
        try:
            values[key.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[key.strip()] = None if text.strip() == "none" else text.strip()
    return values
