"""`musicedge models`: what is installed, and what a model's card says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from musicedge.cli.diagnostics import complain
from musicedge.cli.output import standard_output

if TYPE_CHECKING:
    from musicedge.card import Card, Head


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the installed models.

    `musicedge models show NAME` prints all that is known of one.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError("put --json behind show: musicedge models show --json NAME")
        return
    from musicedge.bundle import installed

    found = installed()
    if as_json:
        _print_json(
            [
                {
                    "name": each.name,
                    "variant": each.variant,
                    "default": each.is_default,
                    "path": str(each.path),
                    "bytes": each.bytes,
                    "sha256": each.sha256,
                    "parameters": each.card.graph.parameters,
                    "macs": each.card.graph.macs,
                    "heads": [head.to_dict() for head in each.card.heads],
                    "scores": each.card.scores,
                    "licence": each.card.licence,
                }
                for each in found
            ]
        )
        return
    if not found:
        complain("no models are installed with this package; give a model file with -m")
    for each in found:
        title = f"{each.name} {each.variant}" + (" (default)" if each.is_default else "")
        _print_block(title, _outline(each.card, each.bytes, each.sha256))


@models.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("--json", "as_json", is_flag=True, help="The card as one JSON object.")
def show(name: str, as_json: bool) -> None:
    """Print a model's card.

    NAME is cnn, or cnn.int8 for one variant; or the path of a model file.
    """
    from musicedge import bundle

    found = bundle.open(name)
    if as_json:
        _print_json(found.card.to_dict())
        return
    card = found.card
    rows = [*_outline(card, len(found.data), found.sha256)]
    rows += [(f"head {head.name}", _head_words(head)) for head in card.heads]
    rows += [
        ("input", card.input),
        ("front-end", _listed(card.frontend.to_dict())),
        ("operators", f"opset {card.graph.opset}: {_listed(card.graph.operators)}"),
    ]
    rows += [
        (label, value)
        for label, value in (
            ("trained on", card.training_data),
            ("notes", card.notes),
            ("commit", card.commit),
            ("made with", _listed(card.created_with)),
        )
        if value
    ]
    _print_block(f"{card.name} {card.variant}", rows)


def _outline(card: Card, size: int, sha256: str) -> list[tuple[str, str]]:
    rate, graph = card.frontend.sample_rate / 1000, card.graph
    heads = ", ".join(
        f"{head.name} ({len(head.labels)})" if head.labels else head.name for head in card.heads
    )
    return [
        ("network", card.architecture),
        ("size", f"{size:,} bytes"),
        ("work", f"{graph.parameters:,} parameters, {graph.macs:,} multiply-adds a window"),
        ("window", f"{card.window_seconds:g} s every {card.hop_seconds:g} s, at {rate:g} kHz"),
        ("heads", heads),
        ("scores", _listed(card.scores) or "none in its card"),
        ("licence", card.licence or "none in its card"),
        ("SHA-256", sha256),
    ]


def _head_words(head: Head) -> str:
    parts = [head.meaning] if head.meaning else []
    if head.labels:
        parts += [", ".join(head.labels), f"temperature {head.temperature:g}"]
    if head.threshold is not None:
        parts.append(f"threshold {head.threshold:g}")
    return "; ".join(parts) or head.kind


def _listed(values: dict[str, Any], prefix: str = "") -> str:
    """Return nested values as one line: ``genre.accuracy 0.78, ...``."""
    parts = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            parts.append(_listed(value, f"{name}."))
        elif isinstance(value, float):
            parts.append(f"{name} {value:.4g}")
        else:
            parts.append(f"{name} {value}")
    return ", ".join(part for part in parts if part)


def _print_block(title: str, rows: list[tuple[str, str]]) -> None:
    with standard_output(for_programs=False) as stream:
        if not stream.isatty():  # a pipe has no width: each row is one line, for grep and cut
            width = max(len(label) for label, _ in rows)
            lines = [title, *(f"{label:<{width}}  {value}" for label, value in rows), "", ""]
            stream.write("\n".join(lines))
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for label, value in rows:
            table.add_row(Text(label), Text(value))
        console = Console(file=stream, highlight=False)
        console.print(Text(title, style="bold"), table, "", sep="\n")


def _print_json(value: Any) -> None:
    with standard_output(for_programs=True) as stream:
        json.dump(value, stream, ensure_ascii=False, indent=2)
        stream.write("\n")
