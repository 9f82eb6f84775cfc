"""Values of `--cfg-options`, compared with Python's literals and with mmengine's parser."""

import argparse
import ast
import random

import pytest
from mmengine.config import Config, DictAction

from mtl_plugins.cli.options import add_cfg_options
from mtl_plugins.cli.parse_value import parse_value

LITERALS = [
    "[]",
    "()",
    "{}",
    "''",
    "1",
    "-1.5e-3",
    "True",
    "None",
    "[1]",
    "(1,)",
    "[1, 2,]",
    "[[1, 2], [3, [4, (5, 6)]], []]",
    "[(1, 2), (3, 4)]",
    "(1, 2), (3, 4)",
    "[{'a': 1}, {'b': 2}]",
    "[{'type': 'Resize', 'size': (1, 2)}, {'type': 'Flip', 'p': 0.5, 'x': None}, {}]",
    "{'a': {'b': [1, {'c': 'd, e'}]}}",
    "{1: 'a', -2: 'b'}",
    "['a,b', \"c]d\", 'it\\'s', '5', 'a  b', 'k=v', 'x: y']",
    "'a, b'",
    "'[1, 2]'",
    '"quoted"',
]


@pytest.mark.parametrize("text", LITERALS)
def test_literals_are_read_as_in_python(text):
    wanted = ast.literal_eval(text)
    assert parse_value(text) == (list(wanted) if text == "(1, 2), (3, 4)" else wanted)


@pytest.mark.parametrize(
    "text", ["1,2,3", "a", "a,b", "(a,b)", "[(1,2),[a,b],c]", "true", "1e3", "a.b/c", "x=y", "", "(1)"]
)
def test_values_without_quotes_are_read_as_in_mmengine(text):
    assert parse_value(text) == DictAction._parse_iterable(text)


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("[dict(type=A, n=1), dict(type=B)]", [dict(type="A", n=1), dict(type="B")]),
        ("{type: A, scale: [1, 2]}", dict(type="A", scale=[1, 2])),
        ("dict()", {}),
        ("my folder/x", "my folder/x"),
        ("run(1)/x", "run(1)/x"),
        ("{name}", "{name}"),
        ("it's", "it's"),
        ("http://a.b:80/c", "http://a.b:80/c"),
    ],
)
def test_further_values(text, wanted):
    assert parse_value(text) == wanted


@pytest.mark.parametrize(
    "text", ["[1,2", "1]", "[1,(2]", "'a", "[dict(a=1), dict(b)]", "{a: 1, b}", "[" * 5000 + "]" * 5000]
)
def test_malformed_values_are_one_sentence(text, capsys):
    parser = argparse.ArgumentParser()
    add_cfg_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--cfg-options", f"a={text}"])
    assert "--cfg-options: " in capsys.readouterr().err


def test_random_literals():
    generator = random.Random(0)

    def value(depth):
        kind = generator.randrange(4 if depth > 3 else 7)
        items = range(generator.randrange(4))
        return [
            lambda: generator.randrange(-99, 99),
            lambda: generator.choice([True, False, None, 0.25, -1e-9]),
            lambda: generator.choice(["a", "it's", "x,y", "", "[", 'say "hi"', "a=b", "k: v", "5", "\\"]),
            lambda: generator.random(),
            lambda: [value(depth + 1) for _ in items],
            lambda: tuple(value(depth + 1) for _ in items),
            lambda: {f"k{i}": value(depth + 1) for i in items},
        ][kind]()

    for _ in range(500):
        wanted = value(0)
        assert parse_value(repr(wanted)) == wanted, repr(wanted)


def test_a_list_of_dicts_replaces_that_of_a_config():
    parser = argparse.ArgumentParser()
    add_cfg_options(parser)
    args = parser.parse_args(["--cfg-options", "hooks=[dict(type=A,n=1),dict(type=B)]", "model.depth=18"])
    cfg = Config(dict(hooks=[], model=dict(depth=50)))
    cfg.merge_from_dict(args.cfg_options)
    assert cfg.hooks == [dict(type="A", n=1), dict(type="B")] and cfg.model.depth == 18
