"""Render the example piece: play the score of shuffle.py and compress it to one small file.

The score becomes a standard MIDI file, with a human player's variation of time and velocity;
fluidsynth plays it with the FluidR3 soundfont (Frank Wen, MIT licence). One seed gives one result.

Needs the runtime's own dependencies, the program `fluidsynth` and the soundfont; on Debian and
Ubuntu: ``apt-get install fluidsynth fluid-soundfont-gm``.
"""

from __future__ import annotations

import argparse
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from shuffle import BAND, BEAT, PICKUP, TEMPO, Note, notes

HERE = Path(__file__).resolve().parent
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
SAMPLE_RATE = 48_000
TICKS = 480  # a beat


def ticks(units: float) -> int:
    """Return the tick of a time in units, the pickup being at tick 0."""
    return round((units + PICKUP) * TICKS / BEAT)


def bends(note: Note, start: int, end: int) -> Iterator[tuple[int, float]]:
    """Yield (tick, semitones from the note's pitch) for a bend into the note and its vibrato."""
    rise = min(TICKS // 3, (end - start) // 2)
    for tick in range(0, rise if note.bend else 0, 12):
        yield start + tick, -note.bend * (1 - tick / rise)
    yield start + (rise if note.bend else 0), 0.0
    if note.vibrato:
        first = start + max(rise, TICKS // 2)
        for tick in range(first, end, 12):  # 5.5 Hz, a third of a semitone deep
            seconds = (tick - first) * 60 / TEMPO / TICKS
            yield tick, 0.33 * np.sin(2 * np.pi * 5.5 * seconds) * min(1.0, 2 * seconds)


def perform(seed: int) -> list[tuple[int, bytes]]:
    """Return the MIDI events, (tick, message), as the band plays the score."""
    chance = random.Random(seed)
    lean = {"bass": 4, "rhythm left": 2, "rhythm right": -2, "organ": 3, "piano": 6, "lead": 10}
    events: list[tuple[int, bytes]] = []
    for part in BAND.values():
        channel = part.channel
        events.append((0, bytes((0xC0 | channel, part.program))))
        for control, value in ((7, part.volume), (10, part.pan), (91, part.reverb)):
            events.append((0, bytes((0xB0 | channel, control, value))))
    for note in notes():
        channel = BAND[note.part].channel
        late = lean.get(note.part, 0) + chance.gauss(0, 4)
        start = max(1, ticks(note.start) + round(late))
        end = start + max(20, round(note.length * TICKS / BEAT * chance.uniform(0.93, 0.99)))
        velocity = min(127, max(1, round(note.velocity + chance.gauss(0, 5))))
        events.append((start, bytes((0x90 | channel, note.pitch, velocity))))
        events.append((end, bytes((0x80 | channel, note.pitch, 0))))
        if note.part == "lead":
            for tick, semitones in bends(note, start, end):
                wheel = 8192 + round(semitones * 4096)  # the wheel's range is 2 semitones
                events.append((tick, bytes((0xE0 | channel, wheel & 127, wheel >> 7))))
    # At one tick: first releases and controls, then new notes.
    return sorted(events, key=lambda event: (event[0], event[1][0] >> 4 == 9))


def midi_file(events: list[tuple[int, bytes]]) -> bytes:
    """Return the bytes of a standard MIDI file, format 0.

    References
    ----------
    MIDI Association, "Standard MIDI Files 1.0" (RP-001).
    """

    def variable_length(value: int) -> bytes:
        octets = [value & 127]
        while value := value >> 7:
            octets.append(value & 127 | 128)
        return bytes(reversed(octets))

    tempo = round(60e6 / TEMPO).to_bytes(3, "big")
    track = bytearray(b"\x00\xff\x51\x03" + tempo)
    now = 0
    for tick, message in events:
        track += variable_length(tick - now) + message
        now = tick
    track += variable_length(2 * TICKS) + b"\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + bytes(track)


def render(midi: Path, soundfont: Path) -> np.ndarray:
    """Play a MIDI file with fluidsynth; return samples, np.ndarray [shape=(n, 2)]."""
    program = shutil.which("fluidsynth")
    if program is None:
        raise SystemExit("compose: fluidsynth is not installed; try: apt-get install fluidsynth")
    if not soundfont.is_file():
        raise SystemExit(
            f"compose: no soundfont at {soundfont}; try: apt-get install fluid-soundfont-gm, "
            "or name one with --soundfont"
        )
    with soundfont.open("rb") as file:
        start = file.read(12)
    if (start[:4], start[8:]) != (b"RIFF", b"sfbk"):  # fluidsynth would take another one instead
        raise SystemExit(f"compose: {soundfont} is not a soundfont (.sf2 or .sf3)")
    output = midi.with_suffix(".wav")
    room = ("-o", "synth.reverb.room-size=0.55", "-o", "synth.reverb.level=0.6")
    command = [program, "-q", "-n", "-i", *room, "-g", "0.4", "-r", str(SAMPLE_RATE)]
    command += ["-T", "wav", "-O", "float", "-F", str(output), str(soundfont), str(midi)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not output.is_file():
        reason = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise SystemExit(f"compose: fluidsynth failed: {reason[-1]}")
    samples, _ = soundfile.read(output, dtype="float32", always_2d=True)
    return samples


def master(samples: np.ndarray) -> np.ndarray:
    """Trim and fade the ends, round off the peaks and leave the highest a little under -1 dBFS."""
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > 1e-3)
    samples = samples[max(0, loud[0] - SAMPLE_RATE // 20) : loud[-1]]
    fade = SAMPLE_RATE
    samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None] ** 2
    body = np.sqrt(np.mean(samples**2))
    samples = np.tanh(samples * (0.22 / body))  # a body of -13 dBFS, before the peaks are rounded
    return samples * (10 ** (-1.8 / 20) / np.abs(samples).max())


def main() -> None:
    """Parse the command line; write the compressed piece and, if asked, the MIDI file."""
    parser = argparse.ArgumentParser(description="Compose and render musicedge's example piece.")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=HERE / "corner-store-shuffle.mp3",
        help="the compressed file; its suffix chooses the format (.mp3, .ogg, .flac, .wav)",
    )
    parser.add_argument("--midi", type=Path, help="keep the MIDI file here, too")
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=12, help="of the players' variation")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        midi = Path(folder) / "piece.mid"
        midi.write_bytes(midi_file(perform(arguments.seed)))
        if arguments.midi is not None:
            arguments.midi.write_bytes(midi.read_bytes())
        samples = master(render(midi, arguments.soundfont))
    try:
        soundfile.write(arguments.output, samples, SAMPLE_RATE, compression_level=0.6)
    except (OSError, ValueError, TypeError, soundfile.SoundFileError) as error:
        raise SystemExit(f"compose: {arguments.output} was not written: {error}") from None
    size = arguments.output.stat().st_size
    sys.stdout.write(f"{arguments.output}: {len(samples) / SAMPLE_RATE:.1f} s, {size:,} bytes\n")


if __name__ == "__main__":
    main()
