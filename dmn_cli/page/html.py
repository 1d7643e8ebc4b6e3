"""The page as one text: templates, style, scripts and data in a single file that asks the network for nothing."""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from dmn_cli.text import visible

ASSETS = Path(__file__).parent / "assets"


def render(content: dict[str, Any], data: dict[str, Any], weights: str) -> str:
    """A page.

    Args:
        content: what the template shows; all of it is escaped.
        data: what the script works on; see assets/page.js.
        weights: of the network, in base64; "" where there is none.
    """
    style, script = _asset("page.css"), _asset("engine.js") + _asset("page.js")
    policy = {
        "default-src": "'none'",
        "img-src": "data:",  # the curves
        "style-src": _hash(style),
        "script-src": _hash(script),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return _template().render(
        **content,
        policy="; ".join(f"{what} {where}" for what, where in policy.items()),
        style=Markup(style),
        script=Markup(script),
        data=Markup(as_script_data(data)),
        weights=weights,
    )


def as_script_data(data: dict[str, Any]) -> str:
    """JSON that can stand in a script element: no ``<`` is left in it to end the element or open a comment."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(ASSETS)
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja")


def _finalize(value: object) -> object:
    """What a template shows: text with its control characters as escapes; our own markup is left as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
