"""The suffixes by which audio is found in folders; what decodes a file is chosen by its content."""

from __future__ import annotations

_LIBSNDFILE_SUFFIXES = (
    "wav wave bwf rf64 w64 flac ogg oga opus mp3 mp2 mp1 aiff aif aifc au snd caf"
)
_FFMPEG_SUFFIXES = (  # without ts and mts, which are TypeScript far more often than video
    "m4a m4b m4r aac ac3 eac3 dts wma asf weba mka ape wv tta tak mpc amr dsf"
    " mp4 m4v mov webm mkv avi wmv flv 3gp 3g2 mpg mpeg vob m2ts ogv"
)
AUDIO_SUFFIXES = frozenset(
    f".{suffix}" for suffix in f"{_LIBSNDFILE_SUFFIXES} {_FFMPEG_SUFFIXES}".split()
)
"""Suffixes, in lower case, of what a search through folders takes for audio."""
