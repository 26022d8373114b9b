"""The tiny corpus and weights, written once for all tests of the training room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.runtime.conftest import browser
from tests.training import tiny_corpus

from musicedge_training import scores
from musicedge_training.architectures.cnn import AudioTagger
from musicedge_training.datasets import corpus
from musicedge_training.datasets.track import Track

__all__ = ["browser"]  # pages of this room are looked at in the browser of the runtime's tests


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Networks this small are many times slower when threads wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def few_rounds() -> Iterator[None]:
    """Draw fewer bootstrap samples: most of a small test's time goes into them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(scores.bootstrap_interval.__kwdefaults__, "rounds", 50)
        yield


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corpus's folder."""
    return tiny_corpus.write_corpus(tmp_path_factory.mktemp("tiny") / "corpus")


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of random weights."""
    return tiny_corpus.write_weights(tmp_path_factory.mktemp("tiny") / "weights")


@pytest.fixture(scope="session")
def tracks(data: Path) -> list[Track]:
    """The tiny corpus's tracks."""
    return corpus.load(data)


@pytest.fixture(scope="session")
def tagger() -> AudioTagger:
    """A random network of the published one's shape, in evaluation mode."""
    return tiny_corpus.random_tagger()
