"""What the frozen first layers give for every crop of a bank, computed once.

The first layers of a small CNN do most of its work, on its largest maps. Where they keep the
pretrained weights, their output is kept beside the crops, and a training step costs only the layers
that learn.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from musicedge_training.architectures.cnn import LAYERS, POOLING, AudioTagger, MobileNetV3
from musicedge_training.console import console, track_progress
from musicedge_training.crops import CropBank
from musicedge_training.representations import write_npy

_BATCH = 16


class VariantMaps(NamedTuple):
    """One variant of the bank.

    Attributes
    ----------
    clean, rough : np.ndarray [shape=(track, channels, bands, time), dtype=float16]
    tags : np.ndarray [shape=(track, tags), dtype=float16]
        The pretrained network's logits of the clean crops.
    """

    clean: NDArray[np.float16]
    rough: NDArray[np.float16]
    tags: NDArray[np.float16]


class StemMaps:
    """The maps after the first `frozen_blocks` layers; the log-mel with 0, the embedding with all.

    Parameters
    ----------
    bank
        The crops; what is computed is kept in their folder.
    tagger
        The pretrained network.
    frozen_blocks
        How many entries of its ``features``, from the input, keep their weights.
    """

    def __init__(self, bank: CropBank, tagger: AudioTagger, frozen_blocks: int) -> None:
        self.bank = bank
        self._frozen = frozen_blocks
        self._backbone = MobileNetV3(pooling=POOLING)
        self._backbone.features.load_state_dict(tagger.features.state_dict())
        self._key = _digest(tagger)
        self._backbone.eval().to(memory_format=torch.channels_last)
        self._classifier = tagger.eval().classifier

    def open(self, variant: int) -> VariantMaps:
        """Return one variant, computing it when missing."""
        paths = {name: self._path(variant, name) for name in VariantMaps._fields}
        paths["tags"] = self.bank.folder / f"{variant:03}-tags-{self._key}.npy"
        if not all(path.exists() for path in paths.values()):
            console.print(f"layers 1 to {self._frozen}: variant {variant + 1}")
            self._compute(variant, paths)
        return VariantMaps(
            *(np.load(paths[name], allow_pickle=False, mmap_mode="r") for name in paths)
        )

    def _path(self, variant: int, name: str) -> Path:
        return self.bank.folder / f"{variant:03}-{name}-{self._frozen}-{self._key}.npy"

    def _compute(self, variant: int, paths: dict[str, Path]) -> None:
        clean, rough = self.bank.open(variant)
        tags = []
        for crops, name in ((clean, "clean"), (rough, "rough")):
            maps = []
            starts = range(0, len(crops), _BATCH)
            for start in track_progress(starts, name, len(starts)):
                with torch.inference_mode():
                    x = torch.from_numpy(crops[start : start + _BATCH].astype(np.float32))
                    x = x.transpose(1, 2).unsqueeze(1).contiguous(memory_format=torch.channels_last)
                    frozen, embedding = self._run(x, embed=name == "clean")
                    maps.append(frozen.contiguous().numpy().astype(np.float16))
                    if embedding is not None:
                        final = self._backbone.final_mean(embedding)
                        tags.append(self._classifier(final).numpy().astype(np.float16))
            write_npy(paths[name], np.concatenate(maps))
        write_npy(paths["tags"], np.concatenate(tags))

    def _run(self, x: torch.Tensor, *, embed: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return what the frozen layers give, and the embedding where it is asked for."""
        if self._frozen == LAYERS:
            embedding = self._backbone(x)
            return embedding, embedding if embed else None
        for layer in self._backbone.features[: self._frozen]:
            x = layer(x)
        return x, self._backbone(x, start=self._frozen) if embed else None


def _digest(tagger: AudioTagger) -> str:
    """Return what tells maps apart that other weights gave, or another way to pool them."""
    digest = hashlib.sha256(repr(POOLING).encode())
    for tensor in tagger.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:8]
