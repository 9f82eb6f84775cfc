"""Hooks of the documentation's build: pages that are not files of `docs/`.

`CONTRIBUTING.md` and `CHANGELOG.md` live at the top of the repository. The API reference is made from the packages: one
page per package of `mtl_plugins`, with the names of its `__all__` and of those of its sub-packages.
"""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "mtl_plugins"
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"\]\((?!https?://)([^)\s]+)\)")
_LINK_TO_PAGE = re.compile(r"\]\((\.\./)((?:\.\./)*)(\w+\.md)")
_INDEX = """# API reference

Generated from the docstrings, one page per package. [Architecture](../architecture.md#packages) explains how the
packages build on each other.

| package | contents |
|---|---|
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for source, target in PAGES.items():
        text = _LINK.sub(_site_link, (ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, target, content=text))
    index = _INDEX
    for package in packages():
        files.append(File.generated(config, f"reference/{package}.md", content=reference_page(package)))
        index += f"| [`{PACKAGE}.{package}`]({package}.md) | {_summary(f'{PACKAGE}.{package}')} |\n"
    files.append(File.generated(config, "reference/index.md", content=index))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to `../CONTRIBUTING.md`, which are right in the repository, into links within the site."""
    return _LINK_TO_PAGE.sub(lambda m: f"]({m[2]}{PAGES[m[3]]}" if m[3] in PAGES else m[0], markdown)


def packages() -> list[str]:
    """Names of the packages of `mtl_plugins`, and of `registry`, which is a module."""
    folders = [path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py")]
    return sorted([*folders, "registry"])


def reference_page(package: str) -> str:
    """The Markdown of a package's page."""
    text, documented = f"# `{PACKAGE}.{package}`\n", set[int]()
    for module in _modules(package):
        names = [name for name in getattr(module, "__all__", ()) if _is_new(module, name, documented)]
        top = module.__name__ == f"{PACKAGE}.{package}"
        if not names and not top:
            continue
        text += "" if top else f"\n## `{module.__name__}`\n"
        text += f"\n::: {module.__name__}\n    options:\n      members: false\n"
        for name in names:
            level = 2 if top else 3
            text += f"\n::: {_path_of(module, name)}\n"
            text += f"    options:\n      show_root_heading: true\n      heading_level: {level}\n"
    return text


def _modules(package):
    """A package and its sub-packages."""
    folder = ROOT / PACKAGE / package
    places = [folder, *sorted(path.parent for path in folder.rglob("__init__.py") if path.parent != folder)]
    return [importlib.import_module(".".join(place.relative_to(ROOT).parts)) for place in places]


def _is_new(module, name, documented):
    """Whether a public name is neither a module nor documented on this page already."""
    value = getattr(module, name)
    if isinstance(value, ModuleType) or name.startswith("__") or id(value) in documented:
        return False
    documented.add(id(value))
    return True


def _path_of(module, name):
    """The path under which the build finds an object: not that of the package if a module there has the same name."""
    value = getattr(module, name)
    own = inspect.getmodule(value)
    shadowed = own is not None and own.__name__.split(".")[-1] == name
    return f"{own.__name__}.{name}" if shadowed else f"{module.__name__}.{name}"


def _summary(module):
    """The first line of a module's docstring, without its full stop."""
    text = inspect.getdoc(importlib.import_module(module)) or ""
    return text.partition("\n")[0].removesuffix(".")


def _site_link(match: re.Match) -> str:
    """A link of a page at the top of the repository, as a link within the site."""
    link = match[1]
    for source, target in PAGES.items():
        link = link.replace(source, target)
    return f"]({link.removeprefix('docs/')})"
