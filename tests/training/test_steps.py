"""What is done to a step's examples: strips that are blanked, and examples that are mixed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.banks import write_bank
from tests.training.tiny_corpus import tag_names
from torch.nn import functional

from musicedge_training.architectures.cnn import LAYERS, AudioTagger
from musicedge_training.architectures.heads import SourceOutputs
from musicedge_training.augmentation.catalogue import Augmentation
from musicedge_training.augmentation.steps import Mixup, SpecAugment
from musicedge_training.crops import CropBank
from musicedge_training.datasets.track import GENRES, MOODS
from musicedge_training.fit import MultitaskTraining
from musicedge_training.labels import Labels
from musicedge_training.recipe import Recipe
from musicedge_training.sampling import Batch, CropSampler
from musicedge_training.start import build_network, heads_for
from musicedge_training.stem import StemMaps
from musicedge_training.teacher import Targets

RECIPE = Recipe(
    name="quick",
    epochs=1,
    samples_per_epoch=16,
    batch_size=8,
    variants=2,
    frozen_blocks=LAYERS,
    label_smoothing=0.0,
    genre_weight=1.0,
    mood_weight=1.0,
    music_weight=1.0,
    augmentation=["mixup"],
)
AROUSAL = MOODS.index("arousal")
BLUES, POP, ROCK = (GENRES.index(name) for name in ("blues", "pop", "rock"))


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 2**32),
)
@settings(deadline=None)
def test_strips_are_blanked_to_the_mean_of_their_channel(
    shape: tuple[int, int, int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    maps = rng.standard_normal(shape).astype(np.float32)
    level = maps.mean(axis=(2, 3), keepdims=True)
    masked = SpecAugment().mask(maps.copy(), rng)
    assert masked.shape == maps.shape
    assert np.logical_or(masked == maps, np.isclose(masked, level, atol=1e-5)).all()


def test_strips_hide_a_part_only() -> None:
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((200, 1, 50, 100)).astype(np.float32)
    hidden = (SpecAugment().mask(maps.copy(), rng) != maps).mean(axis=(1, 2, 3))
    assert 0.05 < hidden.mean() < 0.3
    assert hidden.max() < 0.5
    more = (SpecAugment(share=0.3, strips=4).mask(maps.copy(), rng) != maps).mean(axis=(1, 2, 3))
    assert more.mean() > 2 * hidden.mean()
    np.testing.assert_array_equal(SpecAugment(strips=0).mask(maps.copy(), rng), maps)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> CropBank:
    return write_bank(tmp_path_factory.mktemp("bank"))


def batch_of(
    bank: CropBank, tagger: AudioTagger, frozen: int = LAYERS, chosen: Augmentation = ()
) -> Batch:
    """Return the first batch that a training draws."""
    recipe = RECIPE.model_copy(update={"frozen_blocks": frozen, "augmentation": chosen})
    stem = StemMaps(bank, tagger, frozen)
    return next(iter(CropSampler(stem, np.arange(7), recipe, Labels.of(bank.tracks))))


@pytest.mark.parametrize("frozen", [0, 7, LAYERS])
def test_mixed_examples_are_between_two(bank: CropBank, tagger: AudioTagger, frozen: int) -> None:
    plain = batch_of(bank, tagger, frozen)
    mixed = batch_of(bank, tagger, frozen, (Mixup(alpha=1.0),))
    again = batch_of(bank, tagger, frozen, (Mixup(alpha=1.0),))
    assert mixed.maps.shape == plain.maps.shape
    assert torch.equal(mixed.maps, again.maps)  # what is drawn depends on the seed alone
    shares = mixed.share[:8]
    assert torch.equal(mixed.share[8:], 1 - shares)
    assert ((shares >= 0) & (shares <= 1)).all()
    for name in ("tags", "genres", "moods", "mood_known", "mood_source", "music"):
        both, own = getattr(mixed, name), getattr(plain, name)
        assert torch.equal(both[:8], own), name
        assert len(both) == 16
    for row in range(8):
        # Of which partner is told by its tags.
        partner = next(j for j in range(8) if torch.equal(mixed.tags[8 + row], plain.tags[j]))
        expected = shares[row] * plain.maps[row] + (1 - shares[row]) * plain.maps[partner]
        twins = [j for j in range(8) if torch.equal(plain.tags[j], plain.tags[partner])]
        if len(twins) == 1:
            torch.testing.assert_close(mixed.maps[row], expected)


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 1.0, 8.0])
def test_shares_are_of_the_beta_distribution(alpha: float) -> None:
    n = 4000
    rows = torch.zeros(n, 1)
    batch = Batch(rows, rows, rows, rows, rows, rows, rows, None)
    shares = Mixup(alpha=alpha).apply(batch, np.random.default_rng(0)).share[:n].numpy()
    assert np.isfinite(shares).all()
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.07)
    some = Mixup(alpha=alpha, probability=0.4).apply(batch, np.random.default_rng(0)).share[:n]
    assert float((some == 1).float().mean()) >= 0.55


class Asked:
    """A training's losses of random outputs, and what is asked of four examples in two pairs.

    Their genres are blues, rock, "pop or rock" and none; the third and fourth are not music. Of
    arousal the first has 0.2, the second 0.8, the third 0.4 and the fourth nothing.
    """

    SHARES = torch.tensor([0.7, 0.4, 0.9, 0.25])
    PARTNERS = torch.tensor([1, 0, 3, 2])

    def __init__(self, bank: CropBank, tagger: AudioTagger) -> None:
        labels = Labels.of(bank.tracks)
        specs = heads_for(labels)
        network = build_network(RECIPE, tagger, tag_names(), specs)
        self.training = MultitaskTraining(network, tagger, tag_names(), RECIPE, labels.sources)
        self.head = network.heads["arousal"]
        generator = torch.Generator().manual_seed(0)
        self.logits = torch.randn(4, len(GENRES), generator=generator, requires_grad=True)
        self.music = torch.randn(4, 1, generator=generator, requires_grad=True)
        self.values = torch.rand(4, 1, generator=generator, requires_grad=True)
        self.gate = torch.zeros(4, 1, requires_grad=True)
        genres = torch.zeros(4, len(GENRES), dtype=torch.bool)
        genres[0, BLUES] = genres[1, ROCK] = genres[2, POP] = genres[2, ROCK] = True
        moods, known = torch.zeros(4, len(MOODS)), torch.zeros(4, len(MOODS), dtype=torch.bool)
        moods[:3, AROUSAL] = torch.tensor([0.2, 0.8, 0.4])
        known[:3, AROUSAL] = True
        taught = Targets(
            torch.randn(4, len(GENRES), generator=generator),
            {"arousal": torch.rand(4, 1, generator=generator)},
            {"arousal": torch.zeros(4, 1)},
        )
        self.plain = Batch(
            torch.zeros(4, 3),
            torch.randn(4, 527, generator=generator),
            genres,
            moods,
            known,
            torch.zeros(4, len(MOODS), dtype=torch.int64),
            torch.tensor([1.0, 1.0, 0.0, 0.0]),
            taught,
        )
        self.mixed = self.plain.mixed(self.SHARES, self.PARTNERS)

    def given(self, batch: Batch) -> dict[str, object]:
        mood = SourceOutputs(batch.paired(self.values), batch.paired(self.gate))
        return {
            "genre": batch.paired(self.logits),
            "arousal": mood,
            "music": batch.paired(self.music),
        }

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        return self.training._label_losses(self.given(batch), batch)


@pytest.fixture
def asked(bank: CropBank, tagger: AudioTagger) -> Asked:
    return Asked(bank, tagger)


def test_sure_genres_cost_the_cross_entropy_to_their_mix(asked: Asked) -> None:
    pair = torch.arange(2)
    mixed = asked.mixed._replace(genres=asked.mixed.genres.clone())
    mixed.genres[[2, 3, 6, 7]] = False  # the first two examples alone
    target = torch.zeros(2, len(GENRES))
    target[0, BLUES], target[0, ROCK] = 0.7, 0.3
    target[1, ROCK], target[1, BLUES] = 0.4, 0.6
    expected = functional.cross_entropy(asked.logits[pair], target)
    torch.testing.assert_close(asked.losses(mixed)["genre"], expected)


def test_sets_of_genres_and_missing_ones_count_by_their_shares(asked: Asked) -> None:
    p = torch.softmax(asked.logits, dim=1)
    either = (p[:, POP] + p[:, ROCK]).log()
    # The third example is 0.9 "pop or rock" and 0.1 nothing, the fourth 0.25 nothing.
    costs = -(0.7 * p[0, BLUES].log() + 0.3 * p[0, ROCK].log())
    costs = costs - (0.4 * p[1, ROCK].log() + 0.6 * p[1, BLUES].log())
    costs = costs - (0.9 * either[2] + 0.75 * either[3])
    expected = costs / (1 + 1 + 0.9 + 0.75)
    torch.testing.assert_close(asked.losses(asked.mixed)["genre"], expected)


def test_moods_pull_as_their_mix_does_and_missing_ones_not_at_all(asked: Asked) -> None:
    asked.losses(asked.mixed)["arousal"].backward()
    value, pull = asked.values.detach()[:, 0], asked.values.grad[:, 0]
    total = 1 + 1 + 0.9 + 0.75
    scale = 2 / (asked.head.deviation[0] ** 2 * total)
    wanted = torch.tensor([0.7 * 0.2 + 0.3 * 0.8, 0.4 * 0.8 + 0.6 * 0.2, 0.4, 0.4])
    share = torch.tensor([1, 1, 0.9, 0.75])
    torch.testing.assert_close(pull, scale * share * (value - wanted))


def test_music_is_asked_for_by_its_share(asked: Asked) -> None:
    mixed = asked.plain.mixed(asked.SHARES, torch.tensor([2, 3, 0, 1]))
    expected = functional.binary_cross_entropy_with_logits(
        asked.music[:, 0], torch.tensor([0.7, 0.4, 0.1, 0.75])
    )
    torch.testing.assert_close(asked.losses(mixed)["music"], expected)


def test_teachers_answers_are_mixed_where_there_is_music(asked: Asked) -> None:
    loss = asked.training._taught_loss(asked.given(asked.mixed), asked.mixed)
    loss.backward()
    p = torch.softmax(asked.plain.taught.genre, dim=1)
    share, partner = asked.SHARES[:2, None], asked.PARTNERS[:2]
    target = share * p[:2] + (1 - share) * p[partner]
    logits = asked.logits.detach()[:2].requires_grad_()
    functional.cross_entropy(logits, target).backward()
    torch.testing.assert_close(asked.logits.grad[:2], logits.grad)
    assert not asked.logits.grad[2:].any()


def test_examples_kept_whole_cost_what_they_cost_unmixed(asked: Asked) -> None:
    whole = asked.plain.mixed(torch.ones(4), asked.PARTNERS)
    assert torch.equal(whole.maps, asked.plain.maps)
    for name, loss in asked.losses(asked.plain).items():
        torch.testing.assert_close(asked.losses(whole)[name], loss)
    torch.testing.assert_close(
        asked.training._taught_loss(asked.given(whole), whole),
        asked.training._taught_loss(asked.given(asked.plain), asked.plain),
    )
