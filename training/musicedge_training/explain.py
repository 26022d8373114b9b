"""Maps of what mattered from a checkpoint's gradients: a few passes instead of hundreds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from musicedge.card import Card
from musicedge.occlusion import Grid, Occluder
from musicedge.readings import target_names
from musicedge_training.architectures.cnn import MobileNetV3
from musicedge_training.checkpoint import CheckpointError, load

Float64 = NDArray[np.float64]

_STEPS = 32  # points on the way from the covered window to the whole one
_LEAST_ODDS = 1e-6
_MOST_APART = 0.15  # between a value of the network and of its quantised form


class CheckpointMap:
    """Makes maps from the network that a model file was exported from.

    Grad-CAM for the CNN, at its last layer; attention rollout, weighted by gradients, for a
    transformer; integrated gradients for any other network. But for the rollout, which tells only
    what speaks for a value, they are not clipped at 0, so that what speaks against it is seen too.

    Parameters
    ----------
    path
        The checkpoint.
    card
        Of the model file.

    Raises
    ------
    CheckpointError
        It cannot be read, or the model file was not made of it.

    References
    ----------
    Selvaraju et al., "Grad-CAM", ICCV 2017; Abnar and Zuidema, "Quantifying attention flow in
    transformers", ACL 2020; Chefer, Gur and Wolf, "Generic attention-model explainability", ICCV
    2021; Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017.
    """

    def __init__(self, path: str | Path, card: Card) -> None:
        self._network, info = load(Path(path))
        self._path = path
        self._card = card
        theirs = {head.name: head.labels for head in info.heads}
        if theirs != {head.name: head.labels for head in card.heads}:
            raise CheckpointError(
                f"{path}: its heads are not those of the model file; name its own"
            )
        if info.frontend != card.frontend:
            raise CheckpointError(
                f"{path}: its front-end is not that of the model file; name its own checkpoint"
            )
        self._is_cnn = isinstance(self._network.backbone, MobileNetV3)
        self._is_transformer = hasattr(self._network.backbone, "vit")

    @property
    def method(self) -> str:
        """What the maps are called."""
        if self._is_cnn:
            return "Grad-CAM"
        return "attention rollout" if self._is_transformer else "integrated gradients"

    def __call__(self, occluder: Occluder, of: str) -> Float64:
        """Return the map of a window, np.ndarray [shape=(moments, bands)], in log-odds.

        Parameters
        ----------
        occluder
            The window, and what stands in the place of what is covered.
        of
            A genre or another head's name.

        Raises
        ------
        CheckpointError
            The network says something else of the window than the model file.
        """
        self._compare(occluder, of)
        if self._is_cnn:
            return self.grad_cam(occluder, of)
        if self._is_transformer:
            return self.attention_rollout(occluder, of)
        return self.integrated_gradients(occluder, of)

    def grad_cam(self, occluder: Occluder, of: str) -> Float64:
        """Weight the channels of a layer by their mean gradients, and add them up.

        Only for a network with the backbone `MobileNetV3`.
        """
        (layer,) = self._held([self._network.backbone.features[-1]], occluder, of)
        assert layer.grad is not None
        weights = layer.grad.mean(dim=(2, 3), keepdim=True)
        cam = (weights * layer.detach()).sum(dim=1, keepdim=True)
        return self._spread(cam, occluder)

    def attention_rollout(self, occluder: Occluder, of: str) -> Float64:
        """Follow attention through the blocks, each weighted by its gradients where these are > 0.

        Only for a network with the backbone `SpectrogramTransformer`.
        """
        vit = self._network.backbone.vit
        for block in vit.blocks:
            block.attn.fused_attn = False  # the fused kernel keeps its attention to itself
        held = self._held([block.attn.attn_drop for block in vit.blocks], occluder, of)
        relevance = torch.eye(held[0].shape[-1])
        for attention in held:
            assert attention.grad is not None
            weighted = (attention.grad * attention.detach()).clamp_min(0).mean(dim=1)[0]
            relevance = relevance + weighted @ relevance
        mattered = relevance.mean(dim=0) - 1 / len(relevance)
        grid = vit.patch_embed.grid_size
        return self._spread(mattered.reshape(1, 1, *grid), occluder)

    def _held(self, layers: Sequence[torch.nn.Module], occluder: Occluder, of: str) -> list[Tensor]:
        """Return what some layers give for the window, in order, with the gradients of a value."""
        window = torch.from_numpy(occluder.frames)[self._repeated(occluder)]
        held: list[Tensor] = []

        def hold(_: torch.nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            output.retain_grad()
            held.append(output)

        hooks = [layer.register_forward_hook(hold) for layer in layers]
        try:
            with torch.enable_grad():
                self._log_odds(window.unsqueeze(0).requires_grad_(), of).sum().backward()
        finally:
            for hook in hooks:
                hook.remove()
        return held

    def _spread(self, coarse: Tensor, occluder: Occluder) -> Float64:
        """Return a map of a layer, (1, 1, bands, time), as one of the window's cells."""
        size = (occluder.frames.shape[1], self._card.window_frames)
        spread = functional.interpolate(coarse, size, mode="bilinear")[0, 0].T
        folded = torch.zeros(occluder.frames.shape)
        folded.index_add_(0, self._repeated(occluder), spread)
        return _by_cell(folded, occluder.grid)

    def integrated_gradients(self, occluder: Occluder, of: str) -> Float64:
        """Add up the gradients on the straight way from the covered window to the whole one.

        The cells' sum is the difference of the log-odds between the two, but for the steps' error.
        """
        whole = torch.from_numpy(occluder.frames)
        change = whole - torch.from_numpy(occluder.cover)
        total = torch.zeros_like(whole)
        for step in range(_STEPS):
            point = (whole - change * (1 - (step + 0.5) / _STEPS)).requires_grad_()
            with torch.enable_grad():
                odds = self._log_odds(point[self._repeated(occluder)].unsqueeze(0), of)
                (gradient,) = torch.autograd.grad(odds.sum(), point)
            total += gradient
        return _by_cell(change * total / _STEPS, occluder.grid)

    def _compare(self, occluder: Occluder, of: str) -> None:
        window = torch.from_numpy(occluder.frames)[self._repeated(occluder)]
        with torch.no_grad():
            ours = float(torch.sigmoid(self._log_odds(window.unsqueeze(0), of)))
        names = target_names(self._card)
        theirs = float(occluder.values([np.ones(occluder.grid.shape, bool)])[0, names.index(of)])
        if abs(ours - theirs) > _MOST_APART:
            raise CheckpointError(
                f"{self._path}: it gives {ours:.2f} for {of} where the model file gives "
                f"{theirs:.2f}; name the checkpoint that the model file was made of"
            )

    def _repeated(self, occluder: Occluder) -> Tensor:
        """Return which frame stands where in a window that a short clip was repeated to fill."""
        frames = np.resize(np.arange(len(occluder.frames)), self._card.window_frames)
        return torch.from_numpy(frames)

    def _log_odds(self, windows: Tensor, of: str) -> Tensor:
        """Return the log-odds of a value, Tensor [shape=(batch,)]."""
        outputs = self._network(windows)
        genre = self._card.head("genre")
        if genre is not None and of in genre.labels:
            scores = torch.softmax(outputs["genre"] / genre.temperature, dim=1)
            return torch.logit(scores[:, genre.labels.index(of)], eps=_LEAST_ODDS)
        return torch.logit(outputs[of], eps=_LEAST_ODDS)


def _by_cell(values: Tensor, grid: Grid) -> Float64:
    """Add up the values of every cell."""
    array = values.detach().numpy().astype(np.float64)
    rows = np.add.reduceat(array, grid.frames[:-1], axis=0)
    return np.asarray(np.add.reduceat(rows, grid.bands[:-1], axis=1))
