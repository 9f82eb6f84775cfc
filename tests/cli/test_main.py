"""The console script `mtl` and `python -m mtl_plugins`."""

import argparse
import os
import subprocess
import sys
from importlib import import_module

import pytest

from mtl_plugins import __version__
from mtl_plugins.apis import list_presets
from mtl_plugins.cli import train
from mtl_plugins.cli.main import COMMANDS, main

SCRIPTS = {"prepare": "prepare_dataset", "convert": "convert_checkpoint"}  # scripts whose name differs from the command


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text and about in text for name, about in COMMANDS.items())


def test_no_command_prints_the_help_and_fails(capsys):
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2 and "usage: mtl" in capsys.readouterr().out


def test_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"mtl-plugins {__version__}\n"


def test_an_unknown_command_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["trian"])
    assert stopped.value.code == 2
    assert "unknown command 'trian': did you mean 'train'?" in capsys.readouterr().err


def test_a_command_similar_to_none_lists_all(capsys):
    with pytest.raises(SystemExit):
        main(["qqqq"])
    assert f"Commands: {', '.join(COMMANDS)}." in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_under_its_name(command, capsys):
    module = import_module(f"mtl_plugins.cli.{command.replace('-', '_')}")
    with pytest.raises(SystemExit) as stopped:
        module.main(["--help"], prog=f"mtl {command}")
    text = capsys.readouterr().out
    assert stopped.value.code == 0 and text.startswith(f"usage: mtl {command}")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_script_in_tools(command, root):
    script = root / "tools" / f"{SCRIPTS.get(command, command.replace('-', '_'))}.py"
    assert f"from mtl_plugins.cli.{command.replace('-', '_')} import main as run\n" in script.read_text()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"], ["presets"]])
def test_a_closed_output_is_not_an_error(arguments, root):
    """As in `mtl --help | head -2`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "mtl_plugins", *arguments]
    done = subprocess.run(command, cwd=root, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_has_a_help_text(command, monkeypatch):
    parsers = []
    for name in ("parse_args", "parse_intermixed_args"):
        monkeypatch.setattr(argparse.ArgumentParser, name, lambda parser, *_: parsers.append(parser) or fail())
    with pytest.raises(InterruptedError):
        import_module(f"mtl_plugins.cli.{command.replace('-', '_')}").parse_args([])
    for parser in parsers:
        for action in parser._actions:
            parsers += action.choices.values() if isinstance(action, argparse._SubParsersAction) else ()
            assert action.help or isinstance(action, argparse._SubParsersAction), f"{parser.prog}: {action.dest}"


def fail():
    raise InterruptedError


def test_presets_are_listed_with_their_purpose(capsys):
    main(["presets"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list_presets()
    assert all(len(line.split()) > 2 for line in lines), "a preset without a comment in its first line"


@pytest.mark.parametrize(
    "given, message",
    [
        ("foo", "--cfg-options: expected KEY=VALUE without spaces around the =, but got 'foo'."),
        ("=3", "expected KEY=VALUE"),
        ("a=[1,(2]", "--cfg-options: unbalanced brackets in 'a=[1,(2]'."),
    ],
)
def test_malformed_options_are_quoted(given, message, capsys):
    with pytest.raises(SystemExit):
        train.parse_args(["hydranet_nyud", "--cfg-options", "b=1", given])
    assert message in capsys.readouterr().err


def test_options_are_parsed():
    assert train.parse_args(["x", "--cfg-options", "a=b=1", "c=[1,2]"]).cfg_options == {"a": "b=1", "c": [1, 2]}


def test_the_module_runs_without_heavy_imports_or_files_of_the_working_directory(tmp_path, root):
    (tmp_path / "argparse.py").write_text("raise SystemExit('shadowed')")
    code = (
        "import runpy, sys; sys.argv = ['mtl', '--version']; runpy.run_module('mtl_plugins', run_name='__main__');"
        "print({'torch', 'mmengine'} & set(sys.modules), sys.path[0] == '')"
    )
    environment = {"PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"mtl-plugins {__version__}\nset() False\n"
