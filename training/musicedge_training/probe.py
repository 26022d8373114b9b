"""The bar: linear and support-vector models on the pretrained network's frozen embedding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from musicedge_training.architectures.cnn import MobileNetV3
from musicedge_training.console import track_progress
from musicedge_training.datasets.track import MOODS
from musicedge_training.labels import Labels
from musicedge_training.predict import Predictions

Float32 = NDArray[np.float32]


def embed(tagger: MobileNetV3, windows: Sequence[Float32]) -> Float32:
    """Return each track's mean embedding over its windows, np.ndarray [shape=(n, embedding)]."""
    tagger = tagger.eval().to(memory_format=torch.channels_last)
    rows = []
    with torch.inference_mode():
        for block in track_progress(windows, "embedding", len(windows)):
            x = torch.from_numpy(block).transpose(1, 2).unsqueeze(1)
            x = x.contiguous(memory_format=torch.channels_last)
            rows.append(MobileNetV3.forward(tagger, x).mean(dim=0).numpy())
    return np.stack(rows)


def probe(
    embeddings: Float32, labels: Labels, train: NDArray[np.int64], test: NDArray[np.int64]
) -> Predictions:
    """Fit the probe on some tracks and return its predictions of others.

    Logistic regression for sure genres and for music; one support vector regression for each mood
    and source, since sources have scales of their own.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n, embedding)]
        Of all tracks.
    labels
        Of all tracks.
    train, test : np.ndarray [dtype=int64]
        The rows to fit on, and those to predict.
    """
    genre = labels.hard_genre
    sure = train[genre[train] >= 0]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=5000))
    classifier.fit(embeddings[sure], genre[sure])
    logits = np.full((len(test), labels.genres.shape[1]), -30, np.float32)
    logits[:, classifier.classes_] = classifier.predict_log_proba(embeddings[test])
    moods = np.zeros((len(test), len(MOODS)), np.float32)
    for column in range(len(MOODS)):
        for source in range(len(labels.sources)):
            mask = labels.mood_known[:, column] & (labels.mood_source[:, column] == source)
            fitted, wanted = train[mask[train]], mask[test]
            if len(fitted) and wanted.any():
                regression = make_pipeline(StandardScaler(), SVR(C=0.1, epsilon=0.02))
                regression.fit(embeddings[fitted], labels.moods[fitted, column])
                moods[wanted, column] = regression.predict(embeddings[test[wanted]])
    detector = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=5000))
    detector.fit(embeddings[train], labels.music[train])
    music = detector.predict_proba(embeddings[test])[:, 1].astype(np.float32)
    return Predictions(logits, np.arange(len(test)), moods, music)
