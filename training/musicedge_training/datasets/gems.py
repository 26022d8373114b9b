"""Moods from the feelings of the Geneva Emotional Music Scale, as Emotify's listeners felt them."""

from __future__ import annotations

from collections.abc import Mapping

from musicedge_training.datasets.track import MoodLabel

FEELINGS = (
    "amazement",
    "solemnity",
    "tenderness",
    "nostalgia",
    "calmness",
    "power",
    "joyful_activation",
    "tension",
    "sadness",
)

# The corpus describes both as close to these sums of shares; scaled and centred they fit [0, 1].
_SUMS = {
    "arousal": (("power", "joyful_activation", "tension"), ("calmness", "tenderness", "sadness")),
    "valence": (
        ("joyful_activation", "tenderness", "calmness", "amazement"),
        ("tension", "sadness"),
    ),
}


def gems_moods(shares: Mapping[str, float]) -> dict[str, MoodLabel]:
    """Return arousal and valence, of the source ``gems``.

    Parameters
    ----------
    shares
        By feeling, the share of listeners who felt it, in [0, 1].
    """
    moods = {}
    for mood, (plus, minus) in _SUMS.items():
        total = sum(shares[name] for name in plus) - sum(shares[name] for name in minus)
        span = max(len(plus), len(minus))
        moods[mood] = MoodLabel(0.5 + total / (2 * span), "gems")
    return moods
