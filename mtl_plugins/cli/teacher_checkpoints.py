"""Where the stages of an experiment find the checkpoints of their teachers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mtl_plugins.apis import load_config

DEFAULT_FOLDER = "work_dirs"  # the parent of the teachers' work directories in configs


def teacher_checkpoints(config: str, work_dirs: str | Path) -> list[str]:
    """Options of a config that name its teachers' checkpoints below another folder than `work_dirs`.

    Args:
        config: Config file or name of a preset.
        work_dirs: Parent of the teachers' work directories.
    """
    options = []
    for position, hook in enumerate(load_config(config).get("custom_hooks", [])):
        for key, teacher in _teachers(hook, f"custom_hooks.{position}"):
            checkpoint = Path(teacher.get("checkpoint") or ".")
            if checkpoint.parts[:1] == (DEFAULT_FOLDER,):
                options.append(f"{key}.checkpoint={Path(work_dirs, *checkpoint.parts[1:])}")
    return options


def _teachers(hook: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The teachers of a hook, members of an average too, with their keys in the config."""
    if hook["type"] != "DistillationHook":
        return
    for number, teacher in enumerate(hook["teachers"]):
        name = f"{key}.teachers.{number}"
        members = teacher.get("average")
        yield from (
            [(name, teacher)]
            if members is None
            else [(f"{name}.average.{index}", member) for index, member in enumerate(members)]
        )
