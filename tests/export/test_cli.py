"""`musicedge export`: what it refuses, and models in other forms, as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.runtime import command, tiny_model

from musicedge import bundle


def test_command_says_in_one_line_what_is_no_checkpoint(data: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"no checkpoint")
    done = command.run(
        *("export", tmp_path / "model.safetensors", "--data", data),
        *("--cache", tmp_path / "cache", "--jobs", "1", "-o", tmp_path / "models"),
    )
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "model.safetensors: cannot be read as a checkpoint" in line
    assert not (tmp_path / "models").exists()


def test_checkpoint_needs_data(tmp_path: Path) -> None:
    done = command.run("export", tmp_path / "model.safetensors")
    assert done.returncode == 2
    assert "give --data" in done.stderr.decode()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "give --variant, --input waveform or --ort"),
        (("--variant", "int8"), "judged on labelled music; give --data"),
        (("--variant", "fp32"), "made of its fp32 form"),
    ],
)
def test_model_is_not_exported_again(options: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    done = command.run("export", tiny_model.write(tmp_path), *options)
    assert done.returncode == 2
    assert reason in done.stderr.decode()


def test_other_variants_are_made_of_fp32_alone(data: Path, tmp_path: Path) -> None:
    path = tiny_model.write(tmp_path, tiny_model.card(variant="int8"))
    done = command.run("export", path, "--variant", "int8-static", "--data", data)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "this is the int8 variant, but fp32 was asked for" in line


def test_model_gets_the_front_end_and_the_other_format(tmp_path: Path) -> None:
    path = tiny_model.write(tmp_path)
    options = ("--input", "waveform", "--ort", "--json", "-o", tmp_path / "forms")
    done = command.run("export", path, *options)
    assert done.returncode == 0, done.stderr.decode()
    (item,) = json.loads(done.stdout)
    assert item["differences"]["logmel"] < 1e-4
    ends = ["json", "onnx", "operators.config", "ort"]
    names = sorted(each.name for each in (tmp_path / "forms").iterdir())
    assert names == [f"tiny.fp32.waveform.{end}" for end in ends]
    assert bundle.open(item["path"]).card.input == "waveform"
    again = command.run("export", item["path"], "--input", "waveform")
    assert again.returncode == 2
    assert "takes a waveform" in again.stderr.decode()
    refused = command.run("classify", path, "-m", item["path"])
    assert refused.returncode != 0
    (line,) = refused.stderr.decode().splitlines()
    assert "takes a waveform" in line


def test_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = command.run("export", tmp_path / "nowhere.onnx", "--ort")
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "nowhere.onnx" in line
