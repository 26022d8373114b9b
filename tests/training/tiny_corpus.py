"""A corpus of 40 short sounds and random weights, in the layout of the real ones, made by code."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.torch import save_file
from torch import nn

from musicedge_training.architectures.cnn import BATCH_NORM, AudioTagger
from musicedge_training.architectures.heads import HeadSpec
from musicedge_training.datasets.track import GENRES, MoodLabel, Track
from musicedge_training.labels import REFERENCE_SOURCES, Labels
from musicedge_training.start import heads_for

SHARED = Path(__file__).parents[3] / "shared"
CORPUS = SHARED / "corpus"
WEIGHTS = SHARED / "weights"

RATE = 32_000
SECONDS = 1.2

COLUMNS = (
    *("id", "path", "kind", "genre", "genre_set", "group", "fold", "filtered_split"),
    *("arousal", "valence", "mood_source", "danceability", "danceability_source"),
    *("gems_amazement", "gems_solemnity", "gems_tenderness", "gems_nostalgia", "gems_calmness"),
    *("gems_power", "gems_joyful_activation", "gems_tension", "gems_sadness"),
)
COLLECTIONS = ("gtzan", "q4")
TONES = {"blues": 220.0, "jazz": 880.0, "rock": 2500.0}
NOISES = ("clock", "dog", "rain", "sea", "wind")

TAGS = (
    *("Speech", "Music", "Silence", "Blues", "Classical music", "Country", "Disco"),
    *("Electronic music", "Hip hop music", "Jazz", "Heavy metal", "Pop music", "Reggae"),
    "Rock music",
)
"""Names of the AudioSet classes that the project's heads start from, and two others."""


def row(id_: str, *, kind: str = "music", fold: int = 0, **labels: object) -> dict[str, str]:
    """Return one line of ``tracks.csv``, with empty labels but for those given."""
    values = dict.fromkeys(COLUMNS, "")
    values.update(id=id_, path=f"audio/{id_}.flac", kind=kind, group=id_, fold=str(fold))
    assert set(labels) <= set(COLUMNS)
    values.update({name: str(value) for name, value in labels.items()})
    return values


def write_table(
    root: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str] = COLUMNS
) -> Path:
    """Write ``tracks.csv`` and empty files in the audio's place, and return the folder."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "tracks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    for line in rows:
        path = root / line["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def every_head() -> tuple[HeadSpec, ...]:
    """Return the heads for labels of every kind, each mood's from its reference alone."""
    tracks = [
        Track(
            str(value),
            Path("none"),
            "music",
            "tiny",
            str(value),
            0,
            genres=("blues",),
            moods={mood: MoodLabel(value, source) for mood, source in REFERENCE_SOURCES.items()},
        )
        for value in (0.25, 0.75)
    ]
    return heads_for(Labels.of(tracks))


def rows() -> list[dict[str, str]]:
    """Return the lines of 30 pieces of music, 5 of speech and 5 of noise, in five folds.

    Every genre and collection is in every fold; one artist is in both collections.
    """
    lines = []
    for fold in range(5):
        for collection in COLLECTIONS:
            for number, genre in enumerate(TONES):
                level = (1 + fold + 5 * number) / 20
                moods = {
                    "arousal": level,
                    "valence": 1 - level,
                    "mood_source": "rated" if collection == "gtzan" else "mood-words",
                    "danceability": (level * 7) % 1,
                    "danceability_source": "echonest",
                }
                group = f"{collection}.{genre}.{fold}" if (fold, number) != (0, 0) else "both"
                name = f"{collection}/{genre}.{fold}"
                lines.append(row(name, genre=genre, group=group, fold=fold, **moods))
        lines.append(row(f"speech/digits.{fold}", kind="speech", fold=fold))
        # The kind is unseen in fold `fold`, and the recording tested in the next one as well.
        lines.append(row(f"noise/esc.{NOISES[fold]}.1", kind="noise", fold=(fold + 1) % 5))
    return lines


def write_corpus(root: Path) -> Path:
    """Write the whole corpus, with audio and two rooms, and return its folder."""
    lines = rows()
    write_table(root, lines)
    rng = np.random.default_rng(0)
    t = np.arange(round(SECONDS * RATE)) / RATE
    for line in lines:
        if line["genre"]:
            base = TONES[line["genre"]] * (1 + 0.02 * int(line["fold"]))
            y = np.sin(2 * np.pi * base * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))
        elif line["kind"] == "speech":
            y = np.sign(np.sin(2 * np.pi * 120 * t)) * (np.sin(2 * np.pi * 2 * t) > 0)
        else:
            y = rng.standard_normal(len(t)) / 4
        path = root / line["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        y = 0.3 * y + 0.003 * rng.standard_normal(len(t))
        soundfile.write(path, np.clip(y, -1, 1).astype(np.float32), RATE)
    (root / "rooms").mkdir()
    for number in range(2):
        response = rng.standard_normal(3200) * np.exp(-np.arange(3200) / 400)
        response = (response / np.abs(response).max()).astype(np.float32)
        soundfile.write(root / "rooms" / f"room-{number}.flac", response, RATE)
    return root


def random_tagger(seed: int = 0) -> AudioTagger:
    """Return a network of the published one's shape, with random weights, in evaluation mode.

    Its batch statistics are those of random spectra: different sounds differ in every layer.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tagger = AudioTagger()
        spectra = torch.randn(16, 1, 128, 1).cumsum(dim=2) / 8 + 0.3 * torch.randn(16, 1, 128, 64)
        for norm in (m for m in tagger.modules() if isinstance(m, nn.BatchNorm2d)):
            nn.init.uniform_(norm.weight, 0.8, 1.2)
            nn.init.uniform_(norm.bias, -0.1, 0.1)
            norm.momentum = 1.0
        with torch.no_grad():
            tagger.train()(spectra)
        for norm in (m for m in tagger.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.momentum = BATCH_NORM["momentum"]
            norm.num_batches_tracked.zero_()
    return tagger.eval()


def tag_names() -> list[str]:
    """Return 527 names of outputs, `TAGS` first."""
    return [*TAGS, *(f"tag {number}" for number in range(len(TAGS), 527))]


def write_weights(folder: Path) -> Path:
    """Write a random network and its label list in the published form, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(random_tagger().state_dict(), folder / "mn04_as.safetensors")
    with (folder / "audioset_labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "mid", "display_name"])
        writer.writerows([i, f"/m/{i}", name] for i, name in enumerate(tag_names()))
    return folder


assert set(TONES) <= set(GENRES)
