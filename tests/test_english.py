"""Wording that puzzled readers does not come back: documentation, docstrings, comments, messages and names.

Each entry has the wording, and what to write instead. The patterns are narrow: they match only the odd sense.
"""

import ast
import functools
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = [*(ROOT / "mtl_plugins").rglob("*.py"), *(ROOT / "registry").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]
# Every test but this file, which contains the wording itself.
TESTS = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__).resolve()]
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
# The same for names of functions, classes, parameters and variables, read as words.
INSTEAD_IN_NAMES = {
    r"\btold\b|\btells?\b": "raises, reported, message",
    r"\banswers?\b|\banswered\b": "prediction, output",
    r"\bwhole\b": "complete, end_to_end",
    r"\black(s|ing)?\b": "missing, without",
    r"\balone\b": "only, single",
    r"\bbeside\b": "next_to",
    r"\basked\b|\bwish(es|ed)?\b": "requested, calls",
    r"\banew\b|\btorn\b": "again, truncated",
    r"\bthere (is|are)\b|\bones own\b": "existing, custom",
    r"\bpeople\b|\bpersons?\b": "user",
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


def names(path):
    """(line number, words) of the functions, classes, parameters and variables that Python code defines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = node.id if isinstance(node, ast.Name) else node.attr
        else:
            continue
        yield node.lineno, re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", name)


@functools.cache
def lines_of(path, kind):
    """The lines of a file that `kind`, `prose` or `names`, finds, so that each file is parsed once."""
    return list(kind(path))


def found(pattern, paths, kind=prose):
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted(paths)
        for number, line in lines_of(path, kind)
        if re.search(pattern, line, re.IGNORECASE)
    ]


@pytest.mark.parametrize("pattern", INSTEAD)
def test_puzzling_wording_does_not_come_back(pattern):
    lines = [*found(pattern, [*CODE, *TESTS, *PAGES]), *found(pattern, [*CODE, *TESTS], names)]
    assert not lines, f"instead write: {INSTEAD[pattern]}\n" + "\n".join(lines)


@pytest.mark.parametrize("pattern", INSTEAD_IN_NAMES)
def test_puzzling_names_do_not_come_back(pattern):
    lines = found(pattern, [*CODE, *TESTS], names)
    assert not lines, f"instead write: {INSTEAD_IN_NAMES[pattern]}\n" + "\n".join(lines)


def test_docstrings_are_markdown_with_single_backticks():
    lines = found(rf"(?<!`)``(?!`)|{ROLES}", [*CODE, *TESTS])
    assert not lines, "\n".join(lines)
