"""A page as one HTML file: template, style sheet, script and data, under a policy that forbids to load anything."""

from __future__ import annotations

import datetime
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from hetmusic._version import __version__
from hetmusic.report.page.blocks import Page
from hetmusic.report.page.embedding import digest, script_json, visible

#: beside this module
_TEMPLATE, _STYLE, _SCRIPT = "report.html.jinja", "report.css", "report.js"


def render_page(page: Page, made: datetime.datetime) -> str:
    """A page as HTML.

    All text is escaped. Script and style sheet are allowed by their hashes and nothing else is, so that whatever came
    in with the data could neither run nor be fetched.

    :param made: when the report was made, for the last line.
    """
    style, script = _read(_STYLE), _read(_SCRIPT)
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src '{digest(style)}'",
            f"script-src '{digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return (
        _environment()
        .get_template(_TEMPLATE)
        .render(
            page=page,
            policy=policy,
            version=__version__,
            made=made.strftime("%Y-%m-%d %H:%M UTC"),
            style=Markup(style),
            script=Markup(script),
            data={name: Markup(script_json(value)) for name, value in page.data.items()},
        )
    )


def _environment() -> Environment:
    made = Environment(
        autoescape=True, loader=FunctionLoader(_read), undefined=StrictUndefined, finalize=_finalised
    )
    made.filters["article"] = _with_article
    return made


def _finalised(value: object) -> object:
    """Text as it may stand in the page; what is HTML already stays."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _with_article(word: str) -> str:
    return f"an {word}" if word[:1].lower() in "aeiou" else f"a {word}"


def _read(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
