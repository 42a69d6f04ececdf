"""matplotlib's SVG made fit for pages: ids of its own, fonts that other machines have."""

from __future__ import annotations

import html
import re

#: in place of the fonts that were found here; Verdana has nearly the widths of DejaVu Sans
FONTS = "'DejaVu Sans', Verdana, sans-serif"


def tidied(svg: str, prefix: str) -> str:
    """Prefix all ids, so that several pictures can stand in one page, and name fonts that are found elsewhere."""
    svg = re.sub(r'(<[a-z][^<>]*? id=")', rf"\g<1>{prefix}", svg)
    svg = re.sub(r"(url\(#|href=\"#)", rf"\g<1>{prefix}", svg)
    return re.sub(r"'DejaVu Sans'(?:, (?:'[^'<>]*'|[\w-]+))*(?=[;\"])", FONTS, svg)


def inline(svg: bytes, label: str) -> str:
    """The ``<svg>`` element alone, to be put into HTML: as wide as there is room, and with a name for screen readers.

    :param label: what the picture shows.
    """
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    name = html.escape(label, quote=True)
    return re.sub(r'(<svg\b[^>]*?) width="([\d.]+)pt" height="[\d.]+pt"',
                  lambda found: f'{found[1]} style="width:100%;max-width:{float(found[2]) * 4 / 3:.0f}px;height:auto" '
                  f'role="img" aria-label="{name}"', text, count=1)  # fmt: skip
