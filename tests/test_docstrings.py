"""Runs the examples in the docstrings of all modules."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mtl_plugins"


def modules_with_examples():
    """The names of the package's modules whose source contains a doctest prompt."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_or_skip(name):
    """Import a module of the package; skip if a package of an optional extra is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == PACKAGE.name:
            raise
        pytest.skip(f"{name} needs {error.name}, which is not installed")


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name):
    results = doctest.testmod(import_or_skip(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.attempted, f"{name} contains '>>> ', but not in a docstring"
    assert not results.failed, f"{results.failed} examples of {name} failed, see the captured output"
