"""A self-contained page: a template with its styles and scripts inside it, and room for data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musicedge.report.json import compact

PAGES_FOLDER = Path(__file__).parent / "pages"


def page_around_data(
    template: str | Path, styles: Sequence[str | Path], scripts: Sequence[str | Path]
) -> tuple[str, str]:
    """Return the text of a page before its data and after it.

    The page asks for nothing outside itself: a policy in it forbids that, and lets no script and
    no style run but these, whatever the data holds.

    Parameters
    ----------
    template, styles, scripts
        Names of files in `PAGES_FOLDER`, or whole paths of other rooms' files; scripts share one
        scope, in this order.

    References
    ----------
    https://www.w3.org/TR/CSP3/, for the policy.
    """
    style, script = _joined(styles), _joined(scripts)
    fillings = {
        "style": style,
        "script": script,
        "policy": (
            f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
            f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
        ),
    }
    before, after = _text(template).split("@data@")
    fill = re.compile("@({})@".format("|".join(fillings)))
    return (
        fill.sub(lambda match: fillings[match[1]], before),
        fill.sub(lambda match: fillings[match[1]], after),
    )


def embedded(value: dict[str, Any]) -> str:
    """Return the JSON of a value for the inside of a script element, which no text in it can end.

    References
    ----------
    https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements
    """
    return compact(value).replace("<", "\\u003c")


def _joined(names: Sequence[str | Path]) -> str:
    return "\n".join(map(_text, names))


def _text(name: str | Path) -> str:
    return (PAGES_FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the source expression that allows an inline element of this text, and no other."""
    import base64
    import hashlib

    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}"
