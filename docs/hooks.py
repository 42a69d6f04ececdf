"""What the site has beside the pages of this folder: the changelog, and every example as a page."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the examples into the navigation, before the background."""
    assert config.nav is not None
    titles = [next(iter(part)) if isinstance(part, dict) else part for part in config.nav]
    pages = [*(f"examples/{path.stem}.md" for path in _examples()), "examples/encoder_package.md"]
    config.nav.insert(titles.index("Background"), {"Examples": pages})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from files elsewhere in the repository."""
    made = {"changelog.md": _changelog()}
    made |= {f"examples/{path.stem}.md": _example(path) for path in _examples()}
    made["examples/encoder_package.md"] = _package(ROOT / "examples" / "encoder_package")
    for uri, text in made.items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Make links to files of the repository lead to the pages made from them."""
    folder = posixpath.dirname(page.file.src_uri)

    def changed(found: re.Match[str]) -> str:
        target, hash_sign, anchor = found[1].partition("#")
        uri = posixpath.normpath(posixpath.join(folder, target))
        if not uri.startswith("../"):
            return found[0]
        name = uri.removeprefix("../")
        if name == "CHANGELOG.md":
            made = "changelog.md"
        elif name.startswith("examples/"):
            made = f"{posixpath.splitext(name)[0]}.md"
        else:
            return found[0]
        return f"]({posixpath.relpath(made, folder or '.')}{hash_sign}{anchor})"

    return _LINK.sub(changed, markdown)


def _examples() -> list[Path]:
    return sorted((ROOT / "examples").glob("*.py"))


def _changelog() -> str:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return text.replace("](docs/", "](")


def _example(path: Path) -> str:
    return f"# {path.name}\n\n```python\n{path.read_text(encoding='utf-8')}```\n"


def _package(folder: Path) -> str:
    parts = [(folder / "README.md").read_text(encoding="utf-8")]
    for path in sorted([folder / "setup.cfg", *folder.rglob("*.py")]):
        if text := path.read_text(encoding="utf-8"):
            language = "python" if path.suffix == ".py" else "ini"
            parts.append(f"## {path.relative_to(folder).as_posix()}\n\n```{language}\n{text}```\n")
    return "\n".join(parts)
