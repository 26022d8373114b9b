"""What the frozen first layers give for every crop of a bank, computed once.

The first layers of a small CNN do most of its work, on its largest maps. Where they keep the
pretrained weights, their output is kept beside the crops, and a training step costs only the layers
that learn.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from musicedge_training.accelerator import device
from musicedge_training.architectures.cnn import LAYERS, POOLING, AudioTagger, MobileNetV3
from musicedge_training.console import console, track_progress
from musicedge_training.crops import CropBank, new_array
from musicedge_training.orphans import end_with_parent
from musicedge_training.representations import write_npy

_BATCH = 16
_GPU_BATCH = 512


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

    def build(self, variants: int, *, jobs: int) -> None:
        """Compute the variants below `variants` that are missing, in `jobs` processes.

        Each has one thread: layers this small are too small to share.
        """
        missing = [variant for variant in range(variants) if not self._is_there(variant)]
        if not missing:
            return
        console.print(f"layers 1 to {self._frozen} of {len(missing)} variants")
        with ProcessPoolExecutor(
            min(jobs, len(missing)),
            multiprocessing.get_context("spawn"),
            initializer=_begin,
        ) as pool:
            done = pool.map(self._compute, missing)
            for _ in track_progress(done, "variants", len(missing)):
                pass

    def open(self, variant: int) -> VariantMaps:
        """Return one variant, computing it when missing."""
        if not self._is_there(variant):
            self._compute(variant)
        arrays = {
            name: np.load(path, allow_pickle=False, mmap_mode="r")
            for name, path in self._paths(variant).items()
        }
        if not self._frozen:  # the crops themselves, as images
            crops = zip(("clean", "rough"), self.bank.open(variant), strict=True)
            arrays |= {name: each.swapaxes(1, 2)[:, None] for name, each in crops}
        return VariantMaps(**arrays)

    def _is_there(self, variant: int) -> bool:
        return all(path.exists() for path in self._paths(variant).values())

    def _paths(self, variant: int) -> dict[str, Path]:
        """Return where each field of `VariantMaps` is; tags do not depend on what is frozen."""
        maps = (
            {}
            if not self._frozen
            else {
                name: self.bank.folder / f"{variant:03}-{name}-{self._frozen}-{self._key}.npy"
                for name in ("clean", "rough")
            }
        )
        return {**maps, "tags": self.bank.folder / f"{variant:03}-tags-{self._key}.npy"}

    def _compute(self, variant: int) -> None:
        paths = self._paths(variant)
        clean, rough = self.bank.open(variant)
        where = device()
        size = _BATCH if where.type == "cpu" else _GPU_BATCH
        self._backbone.to(where)
        self._classifier.to(where)
        tags = []
        for crops, name in ((clean, "clean"), (rough, "rough")):
            if name != "clean" and name not in paths:
                continue
            maps: NDArray[np.float16] | None = None
            part = self.bank.folder / f"{variant:03}-{name}.{os.getpid()}.part"
            for start in range(0, len(crops), size):
                with torch.inference_mode():
                    x = torch.from_numpy(np.array(crops[start : start + size])).to(where).float()
                    x = x.transpose(1, 2).unsqueeze(1).contiguous(memory_format=torch.channels_last)
                    frozen, embedding = self._run(x, embed=name == "clean")
                    if name in paths:
                        if maps is None:
                            maps = new_array(part, (len(crops), *frozen.shape[1:]))
                        maps[start : start + size] = frozen.half().contiguous().cpu().numpy()
                    if embedding is not None:
                        final = self._backbone.final_mean(embedding)
                        tags.append(self._classifier(final).half().cpu().numpy())
            if maps is not None:
                part.replace(paths[name])
        write_npy(paths["tags"], np.concatenate(tags))

    def _run(self, x: torch.Tensor, *, embed: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return what the frozen layers give, and the embedding where it is asked for."""
        if self._frozen == LAYERS:
            embedding = self._backbone(x)
            return embedding, embedding if embed else None
        for layer in self._backbone.features[: self._frozen]:
            x = layer(x)
        return x, self._backbone(x, start=self._frozen) if embed else None


def _begin() -> None:
    end_with_parent()
    torch.set_num_threads(1)


def _digest(tagger: AudioTagger) -> str:
    """Return what tells maps apart that other weights gave, or another way to pool them."""
    digest = hashlib.sha256(repr(POOLING).encode())
    for tensor in tagger.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:8]
