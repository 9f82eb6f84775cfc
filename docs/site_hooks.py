"""Hooks of the documentation's build: pages that live at the top of the repository."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"\]\((?!https?://)([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of `PAGES`; their links into `docs/` become links within the site."""
    root = Path(config.config_file_path).parent
    for source, target in PAGES.items():
        if not (root / source).is_file():
            continue
        text = (root / source).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=_LINK.sub(_as_site_link, text)))
    return files


def _as_site_link(match: re.Match) -> str:
    link = match[1]
    for source, target in PAGES.items():
        link = link.replace(source, target)
    return f"]({link.removeprefix('docs/')})"
