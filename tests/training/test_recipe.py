"""Recipes: those that ship load, and what is wrong with another is said in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from musicedge_training.architectures.backbones import BACKBONES
from musicedge_training.augmentation.catalogue import KINDS, STANDARD
from musicedge_training.augmentation.steps import Mixup
from musicedge_training.augmentation.waveform import Noise, Tilt
from musicedge_training.recipe import RECIPES, Recipe, RecipeError, load_recipe, parse_settings

SHIPPED = sorted(path.stem for path in RECIPES.glob("*.toml"))


def error_of(path: Path | str, **overrides: object) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_there_is_a_shipped_recipe() -> None:
    assert "cnn" in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipe_loads_by_name_and_is_named_so(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe == load_recipe(RECIPES / f"{name}.toml")


def test_values_are_taken_and_others_keep_their_defaults(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, 'name = "mine"\nepochs = 3\n'))
    assert (recipe.name, recipe.epochs) == ("mine", 3)
    assert recipe.batch_size == Recipe.model_fields["batch_size"].default


def test_overrides_replace_values(tmp_path: Path) -> None:
    path = write(tmp_path, 'name = "mine"\nepochs = 3\n')
    assert load_recipe(path, {"epochs": 4}).epochs == 4


def test_recipe_does_not_change(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, 'name = "mine"\n'))
    with pytest.raises(ValueError, match="frozen"):
        recipe.epochs = 5


@pytest.mark.parametrize(
    ("key", "nearest"),
    [("epoch", "epochs"), ("learning_rat", "learning_rate"), ("label_smothing", "label_smoothing")],
)
def test_unknown_key_names_the_nearest(key: str, nearest: str, tmp_path: Path) -> None:
    message = error_of(write(tmp_path, f'name = "mine"\n{key} = 1\n'))
    assert repr(key) in message
    assert nearest in message


def test_key_like_no_other_is_named_alone(tmp_path: Path) -> None:
    message = error_of(write(tmp_path, 'name = "mine"\nxyzzy = 1\n'))
    assert "'xyzzy'" in message
    assert "did you mean" not in message


NAMED = """
name = "mine"

[[augmentation]]
kind = "tilt"
decibels = 4

[[augmentation]]
kind = "noise"
snr_db = [5, 30]
probability = 0.3

[[augmentation]]
kind = "mixup"
"""


def test_transforms_are_taken_in_order_with_their_settings(tmp_path: Path) -> None:
    transforms = load_recipe(write(tmp_path, NAMED)).augmentation
    assert transforms == (Tilt(decibels=4), Noise(snr_db=(5, 30), probability=0.3), Mixup())
    short = ["tilt", {"kind": "mixup", "alpha": 0.4}]
    assert Recipe(name="a", augmentation=short).augmentation == (Tilt(), Mixup(alpha=0.4))


def test_standard_transforms_have_a_name_that_can_be_listed_too() -> None:
    usual = STANDARD["spectrogram"]
    for text in ("spectrogram", ["spectrogram"], [{"kind": "spectrogram"}], usual):
        assert Recipe(name="a", augmentation=text).augmentation == usual
    assert Recipe(name="a", augmentation="spectrogram, mixup").augmentation == (*usual, Mixup())
    assert Recipe(name="a").augmentation == STANDARD["waveform"]
    for nothing in ([], None):
        assert Recipe(name="a", augmentation=nothing).augmentation == ()


@pytest.mark.parametrize(
    ("setting", "kinds"),
    [
        ("augmentation=spectrogram,mixup", (*STANDARD["spectrogram"], Mixup())),
        ("augmentation=none", ()),
        ('augmentation=["tilt", {kind="mixup", alpha=0.4}]', (Tilt(), Mixup(alpha=0.4))),
    ],
)
def test_transforms_can_be_set_on_a_command_line(setting: str, kinds: tuple[object, ...]) -> None:
    assert load_recipe("finetune", parse_settings([setting])).augmentation == kinds


@pytest.mark.parametrize("name", SHIPPED)
def test_recipe_comes_back_from_a_checkpoint_as_it_was(name: str) -> None:
    recipe = load_recipe(name)
    assert Recipe(**json.loads(json.dumps(recipe.model_dump()))) == recipe


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_chosen_by_its_name_and_has_words_that_say_what_it_does(
    kind: str,
) -> None:
    assert Recipe(name="a", augmentation=kind).augmentation == (KINDS[kind](),)
    assert KINDS[kind].__doc__


def test_every_kind_and_its_settings_are_described() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        assert all(f"`{key}`" in page for key in {name, *kind.model_fields} - {"kind"}), name


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"nois"', ("unknown kind 'nois'", "did you mean noise?")),
        ('"xyzzy"', ("unknown kind 'xyzzy'", "there are room, tilt", "spectrogram")),
        ('[{ kind = "noise", snr = 3 }]', ("augmentation.noise", "'snr'", "did you mean snr_db?")),
        ('[{ kind = "noise", snr_db = [30, 5] }]', ("noise.snr_db is [30, 5]", "above")),
        ('[{ kind = "noise", snr_db = 5 }]', ("noise.snr_db is 5", "two numbers")),
        ('[{ kind = "noise", snr_db = [5] }]', ("noise.snr_db is [5]", "two numbers")),
        ('[{ kind = "tilt", probability = 2 }]', ("tilt.probability is 2", "less than")),
        ('[{ kind = "mixup", alpha = 0 }]', ("mixup.alpha is 0", "greater than 0")),
        ('[{ kind = "codec", formats = ["aac"] }]', ("codec.formats is 'aac'", "'vorbis'")),
        ('[{ kind = "waveform", alpha = 1 }]', ("'waveform'", "has no settings")),
        ("[{ alpha = 1 }]", ("has no kind",)),
        ("[5]", ("5 is neither a kind",)),
        ("5", ("augmentation is 5", "list of kinds")),
        ('["noise", "spectral-tilt"]', ("'noise'", "'spectral-tilt'", "choose one")),
        ('["mixup", "mixup"]', ("'mixup' is there twice",)),
    ],
)
def test_transform_that_cannot_be_is_said_in_one_line(
    value: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    message = error_of(write(tmp_path, f'name = "mine"\naugmentation = {value}\n'))
    assert all(word in message for word in ("augmentation", *words)), message


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("epochs = 0", "0"),
        ("batch_size = -1", "-1"),
        ("crop_share = 1.5", "1.5"),
        ("crop_share = 0.0", "0.0"),
        ("learning_rate = 0.0", "0.0"),
        ("learning_rate = nan", "nan"),
        ("learning_rate = inf", "inf"),
        ("mood_weight = inf", "inf"),
        ("dropout = 1.0", "1.0"),
        ("ema_decay = 1.0", "1.0"),
        ('seed = "none"', "none"),
        ("epochs = 1.5", "1.5"),
        ("frozen_blocks = 18", "18"),
        ("frozen_blocks = 8", "0 to 7, or 17"),
        ('architecture = "gru"', "gru"),
        ('weighting = "gradnom"', "gradnorm"),
        ("gradnorm_alpha = -1", "-1"),
        ("gradnorm_rate = 0", "0"),
    ],
)
def test_value_out_of_range_is_named(line: str, value: str, tmp_path: Path) -> None:
    message = error_of(write(tmp_path, f'name = "mine"\n{line}\n'))
    assert line.split()[0] in message
    assert value in message


@pytest.mark.parametrize(
    ("architecture", "layers", "allowed"),
    [("lstm", 17, "0 to 13"), ("ast", 14, "0 to 13"), ("ast-linear", 1, "must be 0 ")],
)
def test_layers_that_an_architecture_lacks_cannot_be_frozen(
    architecture: str, layers: int, allowed: str, tmp_path: Path
) -> None:
    text = f'name = "mine"\narchitecture = "{architecture}"\nfrozen_blocks = {layers}\n'
    message = error_of(write(tmp_path, text))
    assert "frozen_blocks" in message
    assert allowed in message


def test_every_backbone_has_a_recipe_that_names_it() -> None:
    assert {load_recipe(name).architecture for name in SHIPPED} == set(BACKBONES)
    assert get_args(Recipe.model_fields["architecture"].annotation) == tuple(BACKBONES)


def test_imagenet_is_for_the_network_of_its_shapes(tmp_path: Path) -> None:
    message = error_of(write(tmp_path, 'name = "mine"\narchitecture = "ast"\nimagenet = true\n'))
    assert "imagenet" in message
    assert "ast-linear" in message


@pytest.mark.parametrize("teacher", ["../cnn", "a/b", ""])
def test_teacher_that_is_no_folders_name_is_an_error(teacher: str, tmp_path: Path) -> None:
    assert "teacher" in error_of(write(tmp_path, f'name = "mine"\nteacher = "{teacher}"\n'))


def test_epoch_shorter_than_a_batch_is_an_error(tmp_path: Path) -> None:
    text = 'name = "mine"\nsamples_per_epoch = 8\nbatch_size = 16\n'
    message = error_of(write(tmp_path, text))
    assert "samples_per_epoch" in message
    assert "16" in message


@pytest.mark.parametrize("name", ["", "../elsewhere", "a/b", "a b", ".hidden", "x" * 65, "probe"])
def test_name_that_makes_no_folder_is_an_error(name: str, tmp_path: Path) -> None:
    assert "name" in error_of(write(tmp_path, f'name = "{name}"\n'))


def test_recipe_without_a_name_is_an_error(tmp_path: Path) -> None:
    message = error_of(write(tmp_path, "epochs = 3\n"))
    assert "name" in message
    assert "3" not in message.rpartition(": ")[2]  # the path before it may hold any digit


@pytest.mark.parametrize("text", ["epochs = ", "= 3", "[", 'name = "a"\nname = "b"'])
def test_broken_toml_is_said_to_be_broken(text: str, tmp_path: Path) -> None:
    assert "TOML" in error_of(write(tmp_path, text))


def test_bytes_that_are_no_text_are_said_to_be_broken(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "TOML" in error_of(path)


def test_missing_recipe_names_the_shipped_ones(tmp_path: Path) -> None:
    message = error_of(tmp_path / "nowhere.toml")
    assert all(name in message for name in SHIPPED)


def test_misspelt_recipe_names_the_nearest(tmp_path: Path) -> None:
    assert "did you mean finetune?" in error_of(tmp_path / "finetun")


def test_shipped_recipe_is_not_found_in_another_folder(tmp_path: Path) -> None:
    assert "no such recipe" in error_of(tmp_path / "cnn")
