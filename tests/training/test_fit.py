"""Training: what is frozen stays, what is seeded repeats, and a tiny task is learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.training.banks import pattern_tracks, write_bank
from tests.training.tiny_corpus import every_head, tag_names
from torch import nn

from musicedge_training import fit
from musicedge_training.architectures.cnn import LAYERS, AudioTagger
from musicedge_training.architectures.heads import HeadSpec, MultitaskNetwork
from musicedge_training.crops import CropBank
from musicedge_training.datasets.track import GENRES, Track
from musicedge_training.labels import Labels
from musicedge_training.recipe import Recipe
from musicedge_training.sampling import CropSampler, sampling_weights
from musicedge_training.start import build_network, heads_for
from musicedge_training.stem import StemMaps
from musicedge_training.teacher import Teacher, TeacherError, check_teacher, targets_of

QUICK = Recipe(
    name="quick",
    epochs=1,
    samples_per_epoch=16,
    batch_size=8,
    crop_share=0.5,
    variants=2,
    frozen_blocks=7,
)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> CropBank:
    return write_bank(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module", params=[7, LAYERS])
def recipe(request: pytest.FixtureRequest) -> Recipe:
    """A quick recipe that trains a part of the backbone, and one that trains the heads alone."""
    return QUICK.model_copy(update={"frozen_blocks": request.param})


@pytest.fixture(scope="module")
def trained(recipe: Recipe, bank: CropBank, tagger: AudioTagger) -> MultitaskNetwork:
    return train(recipe, bank, tagger)


def train(recipe: Recipe, bank: CropBank, tagger: AudioTagger) -> MultitaskNetwork:
    return fit.fit(recipe, bank, np.arange(len(bank.tracks)), tagger, tag_names())


def test_trained_network_is_ready_to_predict(trained: MultitaskNetwork) -> None:
    assert not trained.training
    with torch.inference_mode():
        outputs = trained(torch.zeros(2, 64, 128))
    assert list(outputs) == ["genre", "arousal", "music"]  # what the bank has labels of
    assert all(torch.isfinite(value).all() for value in outputs.values())


def test_frozen_layers_keep_every_bit_and_the_others_learn(
    trained: MultitaskNetwork, recipe: Recipe, tagger: AudioTagger
) -> None:
    frozen = recipe.frozen_blocks
    before = tagger.features[:frozen].state_dict()
    for name, tensor in trained.backbone.features[:frozen].state_dict().items():
        assert torch.equal(tensor, before[name]), name
    old, new = (
        [m.weight for m in network.features[frozen:].modules() if isinstance(m, nn.Conv2d)]
        for network in (tagger, trained.backbone)
    )
    assert all(not torch.equal(*pair) for pair in zip(old, new, strict=True))


def test_batch_norm_statistics_are_the_pretrained_ones(
    trained: MultitaskNetwork, tagger: AudioTagger
) -> None:
    before = dict(tagger.features.named_buffers())
    after = dict(trained.backbone.features.named_buffers())
    assert list(before) == list(after)
    for name, tensor in after.items():
        assert torch.equal(tensor, before[name]), name


def test_pretrained_network_is_not_changed_by_training(
    recipe: Recipe, tagger: AudioTagger, bank: CropBank
) -> None:
    before = {name: tensor.clone() for name, tensor in tagger.state_dict().items()}
    train(recipe, bank, tagger)
    assert all(torch.equal(tensor, before[name]) for name, tensor in tagger.state_dict().items())


def test_equal_seeds_give_equal_networks(
    trained: MultitaskNetwork, recipe: Recipe, bank: CropBank, tagger: AudioTagger
) -> None:
    again = train(recipe, bank, tagger).state_dict()
    other = train(recipe.model_copy(update={"seed": 1}), bank, tagger).state_dict()
    for name, tensor in trained.state_dict().items():
        assert torch.equal(tensor, again[name]), name
    assert not torch.equal(trained.state_dict()["heads.genre.weight"], other["heads.genre.weight"])


@pytest.mark.parametrize(
    ("architecture", "frozen"), [("cnn", 7), ("cnn", LAYERS), ("lstm", 13), ("ast", 13)]
)
def test_tiny_task_is_learned(
    architecture: str, frozen: int, bank: CropBank, tagger: AudioTagger
) -> None:
    recipe = QUICK.model_copy(
        update={
            "architecture": architecture,
            "frozen_blocks": frozen,
            "crop_share": 1.0,  # half of so short a crop has no deviation over time
            "genre_pull": 0.0,
            "mood_pull": 0.0,
            "mood_hidden_pull": 0.0,
            "samples_per_epoch": 960,
            "learning_rate": 1e-2,
            "backbone_rate": 0.1,
            "tagging_weight": 0.0,
            "anchor_weight": 0.0,
            "label_smoothing": 0.0,
            "dropout": 0.0,
            "ema_decay": 0.0,
            "music_weight": 1.0,
        }
    )
    network = train(recipe, bank, tagger)
    crops = torch.from_numpy(bank.open(0)[0].astype(np.float32))
    start = build_network(recipe, tagger, tag_names(), every_head()).eval()
    wanted = torch.tensor([GENRES.index(genre) for genre in ("blues", "blues", "rock", "rock")])
    losses = []
    for each in (start, network):
        with torch.inference_mode():
            outputs = each(crops)
        losses.append(float(nn.functional.cross_entropy(outputs["genre"][:4], wanted)))
    assert losses[1] < 0.5 * losses[0]
    assert torch.equal(outputs["genre"][:4].argmax(dim=1), wanted)
    assert (outputs["music"][:4] > 0.5).all()
    assert (outputs["music"][5:] < 0.5).all()
    # Not more than one of the genres that the fifth track may be.
    assert GENRES[int(outputs["genre"][4].argmax())] in ("pop", "rock")


@pytest.mark.parametrize(
    ("weighting", "mood_loss"),
    [("uncertainty", "ccc"), ("uncertainty", "mix"), ("dwa", "mix"), ("gradnorm", "ccc")],
)
def test_other_losses_and_weightings_train(
    weighting: str, mood_loss: str, bank: CropBank, tagger: AudioTagger
) -> None:
    settings = {"weighting": weighting, "mood_loss": mood_loss, "epochs": 3}
    network = train(QUICK.model_copy(update=settings), bank, tagger)
    assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())


def test_uniform_weighting_counts_genre_and_moods_alike(
    bank: CropBank, tagger: AudioTagger
) -> None:
    weights = {"frozen_blocks": LAYERS, "genre_weight": 1.0, "mood_weight": 1.0}
    fixed = train(QUICK.model_copy(update=weights), bank, tagger).state_dict()
    weights |= {"weighting": "uniform", "genre_weight": 3.0, "mood_weight": 0.1}
    uniform = train(QUICK.model_copy(update=weights), bank, tagger).state_dict()
    assert all(torch.equal(tensor, uniform[name]) for name, tensor in fixed.items())


@pytest.mark.parametrize("left_out", ["", "genre"])
def test_last_shared_layer_is_read_by_every_task(left_out: str, tagger: AudioTagger) -> None:
    specs = [spec for spec in every_head() if spec.name != left_out]
    network = build_network(QUICK, tagger, tag_names(), specs)
    module = fit.MultitaskTraining(network, tagger, tag_names(), QUICK, ("echonest", "rated"))
    given = network.head_outputs(torch.randn(4, network.backbone.embedding_size))
    assert module.task_weights.tasks
    for task in module.task_weights.tasks:
        outputs = given[task][0] if task in module.moods else given[task]
        (slope,) = torch.autograd.grad(
            outputs.square().sum(), network.last_shared, retain_graph=True
        )
        assert slope.abs().max() > 0, task


@pytest.fixture(scope="module")
def teacher(bank: CropBank, tagger: AudioTagger) -> Teacher:
    """A network with heads as `bank`'s labels call for, that says one thing of everything."""
    heads = heads_for(Labels.of(bank.tracks))
    network = build_network(QUICK, tagger, tag_names(), heads)
    with torch.no_grad():
        network.heads["genre"].weight.zero_()
        network.heads["genre"].bias.copy_(torch.linspace(8, 0, len(GENRES)))
    return Teacher(network.eval(), LAYERS)


def test_targets_are_what_the_teacher_says_of_clean_crops(
    teacher: Teacher, bank: CropBank, tagger: AudioTagger
) -> None:
    targets = targets_of(teacher, bank, tagger, 2)
    crops = torch.from_numpy(bank.open(1)[0].astype(np.float32))
    with torch.inference_mode():
        outputs = teacher.network(crops)
    torch.testing.assert_close(targets.genre[1], outputs["genre"], atol=1e-2, rtol=1e-2)
    assert targets.values["arousal"].shape == (2, len(bank.tracks), 1)
    some = targets.take(np.array([1, 0]), np.array([3, 2]))
    for row, place in enumerate(((1, 3), (0, 2))):
        assert torch.equal(some.genre[row], targets.genre[place])
        assert torch.equal(some.values["arousal"][row], targets.values["arousal"][place])
        assert torch.equal(some.gates["arousal"][row], targets.gates["arousal"][place])


def test_student_learns_from_the_teacher_alone(
    teacher: Teacher, bank: CropBank, tagger: AudioTagger
) -> None:
    recipe = QUICK.model_copy(
        update={
            "architecture": "lstm",
            "frozen_blocks": 13,
            "crop_share": 1.0,
            "samples_per_epoch": 320,
            "learning_rate": 1e-2,
            "ema_decay": 0.0,
            "genre_weight": 0.0,
            "anchor_weight": 0.0,
            "genre_pull": 0.0,
            "teacher_weight": 5.0,
        }
    )
    rows = np.arange(len(bank.tracks))
    network = fit.fit(recipe, bank, rows, tagger, tag_names(), teacher)
    with torch.inference_mode():
        said = network(torch.from_numpy(bank.open(0)[0].astype(np.float32)))["genre"]
    assert (said[:4].argmax(dim=1) == 0).all()


def test_teacher_of_other_labels_is_refused(teacher: Teacher) -> None:
    heads = (HeadSpec("genre", "classification", ("one", "two")),)
    with pytest.raises(TeacherError, match=r"genre.*one"):
        check_teacher(teacher, heads)


def test_batches_hold_pieces_of_the_crops_and_their_labels(
    bank: CropBank, tagger: AudioTagger
) -> None:
    recipe = QUICK.model_copy(update={"frozen_blocks": 0})
    rows = np.array([0, 2, 5])
    sampler = CropSampler(StemMaps(bank, tagger, 0), rows, recipe, Labels.of(bank.tracks))
    torch.manual_seed(0)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 2
    for batch in batches:
        assert batch.maps.shape == (8, 1, 128, 32)
        assert batch.tags.shape == (8, 527)
        assert batch.genres.shape == (8, len(GENRES))
        assert batch.moods.shape == batch.mood_known.shape == batch.mood_source.shape == (8, 3)
        assert batch.music.shape == (8,)
        assert torch.equal(batch.music.bool(), batch.genres.any(dim=1))
        # Row 0 is bright in its low bands, row 2 in its high ones, row 5 in none.
        bright = batch.maps[:, 0].mean(dim=2)
        low, high = bright[:, 8:40].mean(dim=1), bright[:, 80:120].mean(dim=1)
        assert torch.equal(batch.genres[:, GENRES.index("blues")], low > high + 0.3)
        assert torch.equal(batch.genres[:, GENRES.index("rock")], high > low + 0.3)


def test_batches_hold_embeddings_where_all_layers_are_frozen(
    bank: CropBank, tagger: AudioTagger
) -> None:
    recipe = QUICK.model_copy(update={"frozen_blocks": LAYERS, "rough_share": 0.0})
    stem = StemMaps(bank, tagger, LAYERS)
    (batch, *_) = CropSampler(stem, np.array([3]), recipe, Labels.of(bank.tracks))
    known = np.stack([stem.open(variant).clean[3] for variant in range(2)]).astype(np.float32)
    assert batch.maps.shape == (8, known.shape[1])
    for row in batch.maps.numpy():
        assert any(np.array_equal(row, each) for each in known)


def test_three_in_four_draws_are_music_and_rare_genres_come_oftener() -> None:
    tracks = pattern_tracks()
    weights = sampling_weights(tracks)
    assert weights.sum() == pytest.approx(1)
    assert weights[:5].sum() == pytest.approx(0.75)
    assert weights[4] > weights[0] == pytest.approx(weights[2])


def test_music_alone_can_be_drawn(tracks: list[Track]) -> None:
    music = [track for track in tracks if track.is_music]
    assert sampling_weights(music).sum() == pytest.approx(1)
