"""What models are worth on labelled music: accuracy, macro-F1 and rank correlation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from musicedge.analysis import MOODS, Analysis
from musicedge.errors import MusicedgeError
from musicedge.library import analyze_many, default_jobs
from musicedge_benchmarks.contenders import Contender
from musicedge_benchmarks.manifest import LabelledTrack
from musicedge_benchmarks.rounds import Tell, silence
from musicedge_benchmarks.scoring import Score, genre_scores, rank_correlation

_TURN = 8  # files a worker before the next model takes its turn


@dataclass(frozen=True)
class Worth:
    """What one model says of the tracks, against their labels.

    Attributes
    ----------
    model, provider
        Name and variant, and what it runs on.
    tracks
        How many it was asked about.
    without_music
        In how many of those it hears no music: wrong for the genre, left out for the moods.
    unknown_genre
        How many have a genre that it does not know; left out.
    accuracy, macro_f1
        Of the genre; None where no track has one that it knows.
    spearman
        By mood, as far as there are labels enough: the rank correlation within each source.
    """

    model: str
    provider: str
    tracks: int
    without_music: int
    unknown_genre: int
    accuracy: Score | None
    macro_f1: Score | None
    spearman: dict[str, Score]


@dataclass
class Worths:
    """What all models are worth on the same tracks.

    Attributes
    ----------
    source
        The manifest's name.
    tracks
        How many there were to ask about.
    models
        One a model.
    failures
        One line for each file that could not be used; no model is scored on it.
    """

    source: str
    tracks: int
    models: list[Worth] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def measure_worths(
    models: Sequence[Contender],
    tracks: Sequence[LabelledTrack],
    found: Worths,
    *,
    on_round: Tell = silence,
) -> None:
    """Analyse all tracks with each model, and score it.

    The models take turns after some files each, so that an interruption leaves all with the same.

    Parameters
    ----------
    models
        Run on as many files at once as there are CPUs, each with one thread.
    tracks
        In an order of which any first part is a fair one.
    found
        Gets the scores; also where it is interrupted.
    on_round
        Told how far it has come.
    """
    loaded = {contender.key: contender.model() for contender in models}
    results: dict[str, list[Analysis | MusicedgeError]] = {key: [] for key in loaded}
    step = _TURN * default_jobs()
    try:
        for start in range(0, len(tracks), step):
            on_round(f"track {start} of {len(tracks)}", start / len(tracks))
            part = [str(track.path) for track in tracks[start : start + step]]
            for key, model in loaded.items():
                results[key] += [each.result for each in analyze_many(model, part)]
    finally:
        complete = min(map(len, results.values()))
        failed = {
            at: error
            for each in results.values()
            for at, error in enumerate(each[:complete])
            if isinstance(error, MusicedgeError)
        }
        found.failures = [str(failed[at]) for at in sorted(failed)]
        good = [at for at in range(complete) if at not in failed]
        if good:
            for contender in models:
                answers = [results[contender.key][at] for at in good]
                found.models.append(_worth(contender, [tracks[at] for at in good], answers))


def _worth(
    contender: Contender, tracks: Sequence[LabelledTrack], answers: Sequence[Analysis]
) -> Worth:
    head = contender.bundle.card.head("genre")
    labels = head.labels if head is not None else ()
    known = [
        (track.genre, answer.genre[0].label if answer.genre else "", track.group)
        for track, answer in zip(tracks, answers, strict=True)
        if track.genre in labels
    ]
    accuracy, macro_f1 = genre_scores(*zip(*known, strict=True)) if known else (None, None)
    return Worth(
        model=contender.name,
        provider=contender.provider,
        tracks=len(tracks),
        without_music=sum(not answer.is_music for answer in answers),
        unknown_genre=sum(bool(track.genre) and track.genre not in labels for track in tracks),
        accuracy=accuracy,
        macro_f1=macro_f1,
        spearman=dict(_correlations(tracks, answers)),
    )


def _correlations(
    tracks: Sequence[LabelledTrack], answers: Sequence[Analysis]
) -> Iterator[tuple[str, Score]]:
    for mood in MOODS:
        known = [
            (track.moods[mood], getattr(answer, mood), track.sources.get(mood, ""), track.group)
            for track, answer in zip(tracks, answers, strict=True)
            if mood in track.moods and getattr(answer, mood) is not None
        ]
        score = rank_correlation(*zip(*known, strict=True)) if known else None
        if score is not None:
            yield mood, score
