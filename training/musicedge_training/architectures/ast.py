"""Audio Spectrogram Transformers: timm's ViT on patches of a log-mel spectrogram.

After Gong, Chung and Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021. Two ways of
making patches: the AudioSet network's first layers (`SpectrogramTransformer`, the AST that ships),
and the paper's own, linear and overlapping, which can start from ImageNet (`LinearPatches`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from musicedge_training.architectures.early import (
    EARLY_CHANNELS,
    EARLY_STRIDE,
    early_layers,
)

Grid = tuple[int, int]
"""Patches along frequency and along time."""


class Patches(nn.Module):
    """A convolution whose every output position is a patch, as timm's ViT wants it.

    Parameters
    ----------
    grid
        The patches of the window that the positions are learned for.
    channels, dim
        Of the input, and of a patch's embedding.
    kernel, stride, padding
        Of the convolution; patches overlap where the stride is smaller than the kernel.
    """

    def __init__(
        self, grid: Grid, channels: int, dim: int, *, kernel: int, stride: int, padding: int
    ) -> None:
        super().__init__()
        self.grid_size = grid
        self.num_patches = grid[0] * grid[1]
        self.proj = nn.Conv2d(channels, dim, kernel, stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings ``(batch, *grid, dim)`` of ``(batch, channels, frequency, time)``."""
        return self.proj(x).permute(0, 2, 3, 1)


class SpectrogramTransformer(nn.Module):
    """The backbone: log-mel in, embedding out, by attention between patches.

    Parameters
    ----------
    features
        Layers in front of the patches; may be empty.
    patches
        Called with ``dim``, makes the `Patches` of what they give.
    dim, depth, heads
        Size of a patch's embedding, number of blocks, and attention heads of each.
    drop_path
        Share of the last block's outputs that is left out while training (stochastic depth).

    Notes
    -----
    Input ``(batch, 1, n_mels, time)``, output ``(batch, embedding_size)``: the mean over the
    patches, then their standard deviation. The learned positions are interpolated to other lengths.
    """

    def __init__(
        self,
        features: nn.Sequential,
        patches: Callable[[int], Patches],
        *,
        dim: int = 192,
        depth: int = 6,
        heads: int = 3,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        self.features = features
        embed = patches(dim)
        self.vit = VisionTransformer(
            img_size=embed.grid_size,
            embed_dim=dim,
            depth=depth,
            num_heads=heads,
            num_classes=0,
            global_pool="",
            class_token=False,
            dynamic_img_size=True,
            drop_path_rate=drop_path,
            embed_layer=lambda **_: embed,
        )
        self.embedding_size = self.final_size = 2 * dim

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Return the embedding; `x` is what the first `start` layers of ``features`` give."""
        for layer in self.features[start:]:
            x = layer(x)
        patches = self.vit(x)
        mean = patches.mean(dim=1)
        variance = (patches - mean.unsqueeze(1)).square().mean(dim=1)
        return torch.cat([mean, torch.sqrt(variance + 1e-6)], dim=1)

    def final_mean(self, embedding: Tensor) -> Tensor:
        """Return what feeds the hidden layer: the embedding itself."""
        return embedding


def shipped_ast(n_mels: int = 128, frames: int = 1000) -> SpectrogramTransformer:
    """Return the AST that ships: patches of the AudioSet network's early maps, six blocks.

    Parameters
    ----------
    n_mels, frames
        Of the window that the positions are learned for.
    """
    grid = (n_mels // EARLY_STRIDE, -(-frames // EARLY_STRIDE))
    patches = partial(Patches, grid, EARLY_CHANNELS, kernel=3, stride=1, padding=1)
    return SpectrogramTransformer(early_layers(), patches)


def linear_ast(n_mels: int = 128, frames: int = 1000) -> SpectrogramTransformer:
    """Return the paper's AST in DeiT's smallest size: patches of 16 x 16, every 10, twelve blocks.

    Parameters
    ----------
    n_mels, frames
        Of the window that the positions are learned for.
    """
    grid = ((n_mels - 16) // 10 + 1, (frames - 16) // 10 + 1)
    patches = partial(Patches, grid, 1, kernel=16, stride=10, padding=0)
    return SpectrogramTransformer(nn.Sequential(), patches, depth=12)


def start_from_image_network(network: SpectrogramTransformer, image: nn.Module) -> None:
    """Copy the blocks, the patches and the positions of a timm ViT or DeiT of the same size.

    Its three input channels are summed into one, and its positions stretched to the grid, as in
    the paper.

    Parameters
    ----------
    network
        What is changed.
    image
        Such as ``timm.create_model("deit_tiny_patch16_224", pretrained=True)``.

    Raises
    ------
    RuntimeError
        The sizes differ.
    """
    vit, patches = network.vit, network.vit.patch_embed
    vit.blocks.load_state_dict(image.blocks[: len(vit.blocks)].state_dict())
    vit.norm.load_state_dict(image.norm.state_dict())
    with torch.no_grad():
        patches.proj.weight.copy_(image.patch_embed.proj.weight.sum(dim=1, keepdim=True))
        patches.proj.bias.copy_(image.patch_embed.proj.bias)
        positions = resample_abs_pos_embed(
            image.pos_embed[:, image.num_prefix_tokens :],
            new_size=list(patches.grid_size),
            old_size=list(image.patch_embed.grid_size),
            num_prefix_tokens=0,
        )
        vit.pos_embed.copy_(positions)
