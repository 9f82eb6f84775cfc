"""What torchrun and Slurm report about restarts, and how a user restarts a training."""

import os
import shlex
import sys
from pathlib import Path


def restart_count() -> int:
    """How often torchrun (`--max-restarts`) or Slurm (`scontrol requeue`) has started this training again."""
    counts = (os.environ.get(name, "") for name in ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"))
    return sum(int(count) for count in counts if count.isdecimal())


def slurm_job() -> str | None:
    """The number of the Slurm job, or None outside Slurm."""
    return os.environ.get("SLURM_JOB_ID") or None


def how_to_resume(checkpoint: str | None) -> str:
    """Sentences that name the last complete checkpoint and the command that resumes from it."""
    if checkpoint is None:
        return "There is no checkpoint yet."
    return f"The checkpoint is {checkpoint}. To resume: {_resume_command()}"


def _resume_command() -> str:
    name, *options = sys.argv
    is_train = Path(name).name == "train.py" or "train" in options[:1]
    if not is_train:
        return "train with resume=True"
    if "TORCHELASTIC_RUN_ID" in os.environ or slurm_job():
        return "the same command with --resume"
    script = ["mtl"] if Path(name).name in ("mtl", "__main__.py") else ["python", name]
    return shlex.join([*script, *_without_resume(options), "--resume"])


def _without_resume(options: list[str]) -> list[str]:
    kept, skip = [], False
    for option in options:
        if option in ("--resume", "--overwrite"):
            skip = option == "--resume"
        elif option.startswith("--resume=") or (skip and not option.startswith("-")):
            skip = False
        else:
            kept.append(option)
            skip = False
    return kept
