"""Wording that puzzled readers does not come back: docstrings, comments, messages and documentation.

Each entry has the wording, and what to write instead. The patterns are narrow: they match only the odd sense.
"""

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = [*(ROOT / "mtl_plugins").rglob("*.py"), *(ROOT / "registry").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]
PAGES = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
INSTEAD = {
    r"\b(is|are|be|was|were) told\b": "is reported, raises an error",
    r"\btold (apart|of|by|where|with|then|before)\b": "distinguished, logged, determined by",
    r"\btells? apart\b": "distinguishes",
    r"\bpassed over\b|\b(to|would|may|will|and|metrics|hooks?) pass(es)? over\b": "ignored, skipped",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\b(reading|training|a run|the run|it|work) goes on\b": "continues, resumes",
    r"\bchoose of\b": "choose from",
    r"\bbelongs? into\b": "belongs in",
    r"\bof one's own\b": "custom, user-defined",
    r"\bthe way back\b": "the backward pass",
    r"\b(image|cell|name) a (task|line)\b|\bone an? (image|task|line)\b": "one … per …",
    r"\b(a|an|one) \w+ an? (image|line|task|head|dataset|epoch|frame|class|process|pixel)\b": "one … per …",
    r"\bwhat there is( not)?\b": "what exists",
    r"\b(labels?|stages?|names?|datasets?|tasks?|files?|options?) that there (is|are)( not)?\b": "existing, unknown",
    r"\bwhere (it|there) is one\b": "if it exists",
    r"\bshall\b": "must, will",
    r"\bwithout a word\b": "silently",
    r"\blearnt by heart\b": "overfitted",
    r"\bas it is asked\b": "as requested",
    r"\bno trouble\b": "works, is allowed",
    r"\bare spared\b|\bspares? (this|the) line\b": "hides this message",
}
ROLES = r":(class|meth|func|mod|attr|data):`"


def prose(path):
    """(line number, text) of the comments and strings of Python code, or of Markdown outside of its code blocks."""
    text = path.read_text()
    if path.suffix == ".py":
        kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in kinds:
                yield from enumerate(token.string.splitlines(), start=token.start[0])
        return
    in_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith(("```", "~~~")):
            in_code = not in_code
        elif not in_code:
            yield number, line


def found(pattern, paths):
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted(paths)
        for number, line in prose(path)
        if re.search(pattern, line, re.IGNORECASE)
    ]


@pytest.mark.parametrize("pattern", INSTEAD)
def test_puzzling_wording_does_not_come_back(pattern):
    lines = found(pattern, [*CODE, *PAGES])
    assert not lines, f"instead write: {INSTEAD[pattern]}\n" + "\n".join(lines)


def test_docstrings_are_markdown_with_single_backticks():
    lines = found(rf"``(?!`)|{ROLES}", CODE)
    assert not lines, "\n".join(lines)
