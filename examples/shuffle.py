"""The score of the example piece: a twelve-bar blues-rock shuffle in A, as data and a few rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

TEMPO = 126  # beats a minute
# Times are in triplet eighths: a shuffle's "and" is the third of a beat's three.
BEAT, BAR = 3, 12
PICKUP = BEAT  # the drums start one beat before the first bar
RING = 16  # how long the last chord is held


class Part(NamedTuple):
    """One instrument: its MIDI channel, General MIDI program and place in the mix."""

    channel: int
    program: int
    volume: int
    pan: int
    reverb: int


BAND = {
    "drums": Part(9, 0, 116, 64, 30),
    "bass": Part(1, 33, 112, 64, 8),
    "rhythm left": Part(2, 29, 76, 18, 30),
    "rhythm right": Part(3, 30, 62, 110, 30),
    "organ": Part(4, 18, 66, 84, 45),
    "piano": Part(5, 2, 70, 44, 45),
    "lead": Part(6, 29, 96, 60, 62),
}

KICK, SNARE, HAT, OPEN_HAT, CRASH, RIDE, TOM_HIGH, TOM_MID, TOM_LOW = (
    36,
    38,
    42,
    46,
    49,
    51,
    48,
    45,
    41,
)

FORM = list("AAAADDAAEDAE")  # one chord a bar; all are dominant sevenths
ROOT = {"A": 33, "D": 38, "E": 28}  # for the bass
ORGAN = {
    "A": "C#4 E4 G4",
    "D": "C4 D4 F#4",
    "E": "B3 D4 G#4",
}  # no voice moves by more than a third
PIANO = {"A": "G4 C#5 E5", "D": "F#4 C5 D5", "E": "G#4 B4 E5"}

# The lead guitar: bars of "unit:note:length", the unit counted in the bar. "~" is vibrato, "/2" a
# bend up to the note from 2 semitones below, "<" a louder note.
LEAD = """
0:E5/2:4<  5:C5:1  6:A4:3  9:C5:2  11:A4:1
0:G4/1:2  2:A4:6~  9:C5:2  11:C#5:1
0:E5:3<  3:G5:2  5:E5:1  6:D5:2  8:C5:1  9:A4:2  11:G4:1
0:A4:7~<  9:A4:1  10:C5:1  11:D5:1
0:E5/2:4<  5:D5:1  6:C5:3  9:D5:2  11:C5:1
0:A4:2  2:F#4:1  3:A4:5~  9:G4:1  10:A4:1  11:C5:1
0:C#5/1:3<  3:E5:2  5:G5:1  6:A5:3<  9:G5:2  11:E5:1
0:D5:2  2:C5:1  3:A4:5~  9:C#5:1  10:D5:1  11:D#5:1
0:E5:2<  2:G#5:1  3:B5/2:5~<  8:A5:1  9:G#5:2  11:E5:1
0:A5:2<  2:F#5:1  3:D5:2  5:C5:1  6:D5/2:2  8:C5:1  9:A4:2  11:F#4:1
0:A4:2<  3:G5:1  4:A4:1  5:G5:1  6:F#5:1  7:A4:1  8:F#5:1  9:F5:1  10:A4:1  11:F5:1
0:E5:2<  2:A4:1  3:C5/1:2  5:Bb4:1<  6:A4:16~<
"""


class Note(NamedTuple):
    """A note of the score; times in units, velocity before the player's own variation."""

    part: str
    start: float
    length: float
    pitch: int
    velocity: int
    bend: int = 0
    vibrato: bool = False


def pitch(name: str) -> int:
    """Return the MIDI number of a note's name: ``"A4"`` is 69."""
    letter, accidental, octave = re.fullmatch(r"([A-G])([#b]?)(\d)", name).groups()  # type: ignore[union-attr]
    semitone = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter]
    return 12 * (int(octave) + 1) + semitone + {"": 0, "#": 1, "b": -1}[accidental]


def drums() -> Iterator[Note]:
    """A shuffle: hats on beat and third triplet, snare on two and four, fills between phrases."""

    def hit(unit: float, drum: int, velocity: int) -> Note:
        return Note("drums", unit, 1, drum, velocity)

    for unit, drum, velocity in ((-3, SNARE, 88), (-2, SNARE, 96), (-1, TOM_MID, 110)):
        yield hit(unit, drum, velocity)
    for bar in range(12):
        start = bar * BAR
        if bar == 11:
            break
        filled = bar in (3, 7, 10)
        yield hit(start, CRASH if bar in (0, 4, 8) else HAT, 108)
        timekeeper = RIDE if bar >= 8 else HAT
        for beat in range(4):
            if filled and beat >= 2:
                continue
            if beat:
                yield hit(start + 3 * beat, timekeeper, 98 if beat in (1, 3) else 90)
            opened = beat == 3 and bar % 2 == 1 and timekeeper == HAT
            yield hit(start + 3 * beat + 2, OPEN_HAT if opened else timekeeper, 70)
        for unit, velocity in ((0, 118), (5, 92), (6, 112)):
            yield hit(start + unit, KICK, velocity)
        for unit in (3,) if filled else (3, 9):
            yield hit(start + unit, SNARE, 118)
        if not filled:
            yield hit(start + 8, SNARE, 36)
            continue
        toms = (SNARE, SNARE, TOM_HIGH, TOM_HIGH, TOM_MID, TOM_LOW)
        for step, drum in enumerate(toms):
            yield hit(start + 6 + step, drum, 88 + 5 * step)
    last = 11 * BAR
    for unit, drum in (
        (0, CRASH),
        (0, KICK),
        (3, SNARE),
        (5, CRASH),
        (5, KICK),
        (6, CRASH),
        (6, KICK),
    ):
        yield hit(last + unit, drum, 120)
    for step in range(8):  # a roll under the last chord
        yield hit(last + 8 + step, TOM_LOW if step % 2 else TOM_MID, 60 + 5 * step)
    yield hit(last + 16, KICK, 122)
    yield hit(last + 16, CRASH, 122)
    yield hit(last + 16, SNARE, 110)


def bass() -> Iterator[Note]:
    """Walking boogie: root, third, fifth, sixth, with a pushed eighth before beat three."""
    walk = ((0, 0, 2), (3, 4, 2), (5, 0, 1), (6, 7, 2), (9, 9, 2), (11, 7, 1))
    turn = ((0, 0, 2), (3, 12, 2), (6, 9, 2), (9, 5, 2))
    for bar, chord in enumerate(FORM[:11]):
        for unit, interval, length in turn if bar == 10 else walk:
            yield Note("bass", bar * BAR + unit, length, ROOT[chord] + interval, 106)
    for unit, length, note in ((0, 2, 28), (3, 2, 28), (5, 1, 34), (6, RING, 33)):
        yield Note("bass", 11 * BAR + unit, length, note, 112)


def rhythm() -> Iterator[Note]:
    """Two guitars: left, the boogie of fifths and sixths; right, power chords."""
    for bar, chord in enumerate(FORM[:11]):
        root = ROOT[chord] + 12
        for unit in (0, 2, 3, 5, 6, 8, 9, 11):
            upper = 9 if unit in (3, 5, 9, 11) else 7
            length, velocity = (1.7, 104) if unit % 3 == 0 else (0.8, 84)
            for interval in (0, upper):
                yield Note("rhythm left", bar * BAR + unit, length, root + interval, velocity)
        for unit, length in ((0, 3), (5, 4), (9, 1.5)):
            for interval in (0, 7, 12):
                yield Note("rhythm right", bar * BAR + unit, length, root + interval, 98)
    for unit, length, root in ((0, 2, 40), (3, 1.5, 40), (5, 1, 46), (6, RING, 45)):
        for part, intervals in (("rhythm left", (0, 7, 12)), ("rhythm right", (0, 7, 12, 16))):
            for interval in intervals:
                yield Note(part, 11 * BAR + unit, length, root + interval, 112)


def keys() -> Iterator[Note]:
    """Organ chords that are held, and an electric piano that answers off the beat."""
    for bar, chord in enumerate(FORM[:11]):
        for name in ORGAN[chord].split():
            yield Note("organ", bar * BAR, BAR - 0.3, pitch(name), 84)
        for unit in (5, 8) if bar % 2 == 0 else (3, 5, 11):
            for name in PIANO[chord].split():
                yield Note("piano", bar * BAR + unit, 0.9, pitch(name), 88)
    ending = ((0, 2, "B3 D4 G#4"), (5, 1, "Bb3 D4 G#4"), (6, RING, "A3 C#4 G4 E4"))
    for unit, length, names in ending:
        for name in names.split():
            yield Note("organ", 11 * BAR + unit, length, pitch(name), 96)
            yield Note("piano", 11 * BAR + unit, length, pitch(name) + 12, 92)


def lead() -> Iterator[Note]:
    """The melody, read from `LEAD`."""
    form = re.compile(r"(\d+):([A-G][#b]?\d)(?:/(\d))?:(\d+)(~?)(<?)")
    for bar, line in enumerate(LEAD.strip().splitlines()):
        for word in line.split():
            unit, name, bend, length, vibrato, loud = form.fullmatch(word).groups()  # type: ignore[union-attr]
            velocity = 118 if loud else 100
            start = bar * BAR + int(unit)
            yield Note(
                "lead", start, int(length), pitch(name), velocity, int(bend or 0), bool(vibrato)
            )


def notes() -> Iterator[Note]:
    """Yield all notes of the piece, part by part."""
    for part in (drums, bass, rhythm, keys, lead):
        yield from part()
