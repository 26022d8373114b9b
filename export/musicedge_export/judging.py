"""What a smaller variant loses: two sets of scores side by side, and the layers to blame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from musicedge_export.quantize import loudest_layers
from musicedge_export.verify import VerificationError, check_quantised
from musicedge_training import evaluate
from musicedge_training.datasets.track import Track
from musicedge_training.predict import Predictions


def score(
    tracks: Sequence[Track], predictions: Predictions, temperature: float, genres: Sequence[str]
) -> dict[str, float]:
    """Return the scores of a variant's predictions by name, to four places, where they are numbers.

    Parameters
    ----------
    tracks
        Labelled tracks, in the order of the predictions.
    predictions
        What the variant says of them.
    temperature
        What genre logits are divided by.
    genres
        The labels of the genre head, in its order.
    """
    scores = evaluate.evaluate(tracks, predictions, temperature=temperature, genres=genres)
    # Tracks that all have the same label give no rank correlation.
    known = {name: each.value for name, each in scores.items() if np.isfinite(each.value)}
    return {name: round(value, 4) for name, value in known.items()}


def check_scores(
    variant: str,
    before: Mapping[str, float],
    after: Mapping[str, float],
    fp32: ModelProto,
    windows: Sequence[NDArray[np.float32]],
) -> None:
    """Refuse a variant that loses too much, and name the layers that are likely to blame.

    Parameters
    ----------
    variant
        What the error calls it.
    before, after
        Scores of the fp32 form and of the variant, on the same tracks.
    fp32, windows
        To find the layers by.

    Raises
    ------
    VerificationError
        See `check_quantised`.
    """
    try:
        check_quantised(before, after)
    except VerificationError as error:
        layers = loudest_layers(fp32, windows)
        named = ", ".join(f"{name} ({moved:.3f})" for name, moved in layers)
        raise VerificationError(
            f"{variant}: {error}; rounded alone, what moves the genre's logits most is {named}"
        ) from error
