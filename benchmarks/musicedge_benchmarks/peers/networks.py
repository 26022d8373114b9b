"""Other people's networks, from an MP3 file to what they say; their files are the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musicedge_benchmarks.peers.peer import Material, NotGiven, Peer, Work
from musicedge_benchmarks.peers.pipelines import onnx_session

_RATE = 16_000  # of both networks

_MUSICNN_MELS = 96
_MUSICNN_FRAMES = 187  # 3 s


def _yamnet(material: Material) -> Work:
    """YAMNet in either of its published forms, which take a patch of 0.975 s or any length.

    References
    ----------
    https://github.com/tensorflow/models/tree/master/research/audioset/yamnet
    """
    import librosa
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=_file(material, "yamnet"), num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    told = interpreter.get_output_details()[0]["index"]
    shape = tuple(given["shape"])
    patch = int(np.prod(shape))

    def scores(samples: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given["index"], samples)
        interpreter.invoke()
        return interpreter.get_tensor(told)

    def work() -> object:
        samples, _ = librosa.load(material.clip, sr=_RATE, mono=True)
        if patch <= 1:  # of any length: it makes patches itself
            interpreter.resize_tensor_input(given["index"], [len(samples)])
            interpreter.allocate_tensors()
            return scores(samples).mean(axis=0)
        # Patches overlap by half, as those that the other form makes.
        starts = range(0, max(1, len(samples) - patch + 1), patch // 2)
        parts = (np.resize(samples[start : start + patch], shape) for start in starts)
        return np.mean([scores(part) for part in parts], axis=0)

    return work


def _musicnn(material: Material) -> Work:
    """A network of the musicnn family as ONNX, on patches of 3 s of its own log-mel.

    References
    ----------
    Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging",
    2019; https://essentia.upf.edu/models.html
    """
    import librosa

    session = onnx_session(_file(material, "musicnn"))
    given = session.get_inputs()[0]
    if list(given.shape[-2:]) != [_MUSICNN_FRAMES, _MUSICNN_MELS]:
        raise NotGiven(
            f"its input is {given.shape}, and not (batch, {_MUSICNN_FRAMES}, {_MUSICNN_MELS})"
        )

    def work() -> object:
        samples, _ = librosa.load(material.clip, sr=_RATE, mono=True)
        mel = librosa.feature.melspectrogram(
            y=samples, sr=_RATE, n_fft=512, hop_length=256, n_mels=_MUSICNN_MELS
        )
        frames = np.log10(1 + 10_000 * mel.T).astype(np.float32)
        count = max(1, len(frames) // _MUSICNN_FRAMES)
        patches = np.resize(frames, (count, _MUSICNN_FRAMES, _MUSICNN_MELS))
        return session.run(None, {given.name: patches})[0].mean(axis=0)

    return work


def _essentia(material: Material) -> Work:
    """Essentia's extractor of descriptors; it has no network, and names no genre.

    References
    ----------
    https://essentia.upf.edu/reference/std_MusicExtractor.html
    """
    import essentia

    essentia.log.infoActive = False  # before its import speaks
    essentia.log.warningActive = False
    from essentia.standard import MusicExtractor

    extractor = MusicExtractor()
    return lambda: extractor(str(material.clip))


def _file(material: Material, name: str) -> str:
    path: Path | None = material.files.get(name)
    if path is None:
        raise NotGiven(f"name its file with --peer {name}=FILE")
    return str(path)


NETWORKS = (
    Peer(
        "YAMNet, LiteRT",
        ("ai_edge_litert", "librosa"),
        "pip install ai-edge-litert librosa",
        _yamnet,
    ),
    Peer("musicnn, onnxruntime", ("librosa",), "pip install librosa", _musicnn),
    Peer("Essentia's MusicExtractor", ("essentia",), "pip install essentia", _essentia),
)
