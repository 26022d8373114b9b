"""An explanation in sentences: what its bands and moments are worth, and whether the map holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from musicedge.analysis import MOODS
from musicedge.report.text import clock, percent

if TYPE_CHECKING:
    from musicedge.explanation import Explanation, Part
    from musicedge.faithfulness import Curves

_MOST_PARTS = 3  # of a kind that are named
_LEAST_WORTH = 0.02  # a part whose absence changes the value by less is not named


def title(explanation: Explanation) -> str:
    """Return what is explained, in one line."""
    window = explanation.window
    value = value_words(explanation.of, explanation.value)
    return f"why {explanation.of} ({value}) at {span_words(window.start, window.end)}"


def sentences(explanation: Explanation) -> list[str]:
    """Return what the explanation says, the most important bands and moments first."""
    return [
        *_lines(explanation, explanation.bands, "band", hertz_words),
        *_lines(explanation, explanation.moments, "moment", span_words),
        check_words(explanation.curves, explanation.of),
    ]


def check_words(curves: Curves, of: str) -> str:
    """Say how fast the value falls by the map and by chance, and what follows from that."""
    random = curves.random_means
    in_order, by_chance, low, high, reversed_order = (
        value_words(of, float(value))
        for value in (
            curves.deletion_mean,
            random.mean(),
            random.min(),
            random.max(),
            curves.insertion_mean,
        )
    )
    verdict = "the map tells what matters" if curves.holds else "do not trust this map"
    return (
        f"check: with cells covered in the map's order {of} averages {in_order}, in random orders "
        f"{by_chance} ({low} to {high}), in the reverse order {reversed_order}: {verdict}"
    )


def value_words(of: str, value: float) -> str:
    """Return a value as results show it: a probability in per cent, a mood with two decimals."""
    return f"{value:.2f}" if of in MOODS else percent(value)


def hertz_words(low: float, high: float) -> str:
    """Return a range of frequencies.

    Examples
    --------
    >>> hertz_words(93.7, 341.9), hertz_words(833.2, 1159.1), hertz_words(2034, 12091)
    ('90-340 Hz', '0.8-1.2 kHz', '2.0-12.1 kHz')
    """
    if high < 1000:
        return f"{round(low, -1):.0f}-{round(high, -1):.0f} Hz"
    return f"{low / 1000:.1f}-{high / 1000:.1f} kHz"


def span_words(start: float, end: float) -> str:
    """Return a range of time, with tenths where it needs them."""
    tenths = any(abs(time - round(time)) >= 0.05 for time in (start, end))
    return f"{clock(start, tenths=tenths)}-{clock(end, tenths=tenths)}"


def _lines(
    explanation: Explanation,
    parts: Sequence[Part],
    kind: str,
    words: Callable[[float, float], str],
) -> list[str]:
    """Name the parts without which the value falls most, and those without which it rises most."""
    value = explanation.value
    ordered = sorted(parts, key=lambda part: part.without)
    falling = [part for part in ordered if value - part.without >= _LEAST_WORTH]
    rising = [part for part in reversed(ordered) if part.without - value >= _LEAST_WORTH]
    lines = []
    for verb, named in (("falls", falling[:_MOST_PARTS]), ("rises", rising[:_MOST_PARTS])):
        if named:
            each = [
                f"{value_words(explanation.of, part.without)} without {words(part.start, part.end)}"
                for part in named
            ]
            lines.append(f"{kind}s: {explanation.of} {verb} to {', '.join(each)}")
    return lines or [f"{kind}s: without any one of them the value is nearly the same"]
