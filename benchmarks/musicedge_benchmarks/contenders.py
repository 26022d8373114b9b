"""What is compared: a model file on a device, by the name that tables call it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from musicedge.bundle import Bundle
from musicedge.model import Model
from musicedge.session import Device, Session


@dataclass(frozen=True)
class Contender:
    """A model on a device.

    Attributes
    ----------
    name
        Name and variant; with the file's name where another model has the same two.
    bundle
        The verified model.
    device
        As for `musicedge.load`.
    provider
        What that really is: ``"CPU"`` or ``"CUDA"``.
    """

    name: str
    bundle: Bundle
    device: Device
    provider: str

    @property
    def key(self) -> str:
        """What tells it from all others of a run."""
        return f"{self.bundle.sha256} {self.provider}"

    @property
    def options(self) -> tuple[str, ...]:
        """The options with which a command takes this model and no other."""
        variant = self.bundle.card.variant
        return ("--model", self.bundle.source, "--variant", variant, "--device", self.device)

    def session(self, threads: int = 1) -> Session:
        """Open it."""
        return Session(self.bundle, self.device, threads)

    def model(self) -> Model:
        """Return it as what analyses files, with one thread."""
        return Model(self.bundle, self.session())


def contenders(bundles: Sequence[Bundle], devices: Sequence[Device]) -> list[Contender]:
    """Return each model on each device, once; all of the first device come first.

    Raises
    ------
    DeviceUnavailable
        CUDA was asked for and is not there.
    ModelInvalid
        onnxruntime refuses a graph.
    """
    names: dict[str, str] = {}  # by hash
    for bundle in bundles:
        name = f"{bundle.card.name}.{bundle.card.variant}"
        if name in names.values():
            name = f"{name} ({Path(bundle.source).name})"
        names.setdefault(bundle.sha256, name)
    found: dict[str, Contender] = {}
    for device in devices:
        for bundle in bundles:
            provider = Session(bundle, device, 1).provider.removesuffix("ExecutionProvider")
            contender = Contender(names[bundle.sha256], bundle, device, provider)
            found.setdefault(contender.key, contender)
    return list(found.values())
