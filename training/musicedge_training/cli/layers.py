"""`musicedge layers`: what the layers of a trained network do, as a picture and in words."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from musicedge.cli.output import destination
from musicedge.frontend import FrontEnd
from musicedge_training import checkpoint, probe
from musicedge_training.architectures.cnn import MobileNetV3
from musicedge_training.checkpoint import CheckpointInfo
from musicedge_training.cli.options import feature_options
from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.opening import open_dataset
from musicedge_training.layers import (
    backbone_of,
    first_filters,
    flat_map,
    layer_maps,
    neighbour_shares,
)
from musicedge_training.pictures.layers import EmbeddingMap, draw
from musicedge_training.predict import TrackWindows, cut_windows
from musicedge_training.representations import LogMelCache, load_samples

_LEAST_TRACKS = 8
_MOST_TRACKS = 4000  # the likeness of all pairs is held
_NAMED = 3  # genres of the neighbours that are told


@click.command()
@click.argument("path", metavar="CHECKPOINT", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--song",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Show what the layers make of the middle of this piece.",
)
@click.option(
    "--data",
    help="A folder of genre-named folders, a CSV or a known dataset: show which genres lie close.",
)
@feature_options
@click.option("--json", "as_json", is_flag=True, help="Print what lies close as JSON.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="The picture, a .png.  [default: the checkpoint's name with .layers.png, here]",
)
def layers(
    path: Path,
    song: Path | None,
    data: str | None,
    cache: Path,
    jobs: int,
    as_json: bool,
    output: str | None,
) -> None:
    """Show what the layers of CHECKPOINT do: the first one's filters, and more on demand.

    With --song, how strongly layers answer to it, over frequency and time. With --data, a map of
    the embedding of all tracks whose genre is sure, and for each genre which ones its nearest
    tracks by other artists belong to.

    \b
    Examples:
      musicedge layers runs/cnn/model.safetensors --song song.mp3
      musicedge layers runs/cnn/model.safetensors --data corpus -o layers.png
    """
    output = output or f"{path.stem}.layers.png"
    if Path(output).suffix.lower() != ".png":
        raise click.UsageError(f"-o {output} is no .png; name one.")
    network, info = checkpoint.load(path)
    backbone = backbone_of(network, str(path))
    with destination(output, line_by_line=False, for_programs=True, whole=True) as stream:
        window = None if song is None else _middle(song, info)
        maps = [] if window is None else layer_maps(backbone, window)
        seconds = 0.0 if window is None else len(window) / info.frontend.frame_rate
        embedding, shares = None, {}
        if data is not None:
            embedding, shares = _embedding(backbone, info, data, cache, jobs)
        title = f"{path.name}" + ("" if song is None else f": {song.name}")
        stream.buffer.write(draw(title, first_filters(backbone), maps, seconds, embedding))
    if as_json:
        click.echo(json.dumps(shares, indent=1))
        return
    for genre, near in shares.items():
        ranked = sorted(near.items(), key=lambda item: -item[1])[:_NAMED]
        click.echo(f"{genre}: nearest are {', '.join(f'{n} {s:.0%}' for n, s in ranked)}")
    click.echo(f"see {output}")


def _middle(song: Path, info: CheckpointInfo) -> np.ndarray:
    """Return the window in the middle of a piece, np.ndarray [shape=(time, n_mels)]."""
    frames = FrontEnd(info.frontend).logmel(load_samples(song, info.frontend.sample_rate))
    windows = cut_windows(frames)
    return windows[len(windows) // 2]


def _embedding(
    backbone: MobileNetV3, info: CheckpointInfo, data: str, cache: Path, jobs: int
) -> tuple[EmbeddingMap, dict[str, dict[str, float]]]:
    """Return the tracks of a sure genre on a plane, and the shares of each genre's neighbours."""
    tracks = [track for track in open_dataset(data).tracks if track.genre is not None]
    if len(tracks) < _LEAST_TRACKS:
        raise DatasetError(
            f"{data}: it has {len(tracks)} tracks of a sure genre, and a map needs {_LEAST_TRACKS}"
        )
    if len(tracks) > _MOST_TRACKS:
        kept = np.random.default_rng(0).permutation(len(tracks))[:_MOST_TRACKS]
        tracks = [tracks[index] for index in sorted(kept)]
    logmel = LogMelCache(cache / "logmel", info.frontend)
    skipped = {each.path for each in logmel.fill([track.path for track in tracks], jobs=jobs)}
    tracks = [track for track in tracks if track.path not in skipped]
    embeddings = probe.embed(backbone, TrackWindows(logmel, tracks))
    genres = [str(track.genre) for track in tracks]
    names, shares = neighbour_shares(embeddings, genres, [track.group for track in tracks])
    table = {
        name: dict(zip(names, row.round(4).tolist(), strict=True))
        for name, row in zip(names, shares, strict=True)
    }
    return EmbeddingMap(flat_map(embeddings), genres), table
