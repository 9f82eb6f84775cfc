"""The trainings of `mtl compare`: one per method and seed, and one per task and seed for single-task networks."""

import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from mmengine.config import Config

from mtl_plugins.apis import load_config
from mtl_plugins.engine import find_checkpoint, read_checkpoint
from mtl_plugins.evaluation import MethodRun
from mtl_plugins.files import FolderLock, read_json, write_text
from mtl_plugins.kinds import is_headline, split_metric
from mtl_plugins.visualization import read_scalars

from .comparison_method import Method
from .training_jobs import METRICS, JobError, evaluate, options_as_text, train

SINGLE_TASKS = "single tasks"  # name of the row
_RESULT, _SETTINGS, _PEAK = "result.json", "settings.json", "peak_memory.json"
_LOCKS = ".locks"  # next to the folders of the jobs, because a training locks its own folder
# Settings that may differ between machines without changing what a training computes.
_OF_THE_MACHINE = {"data_root", "work_dir", "num_workers", "persistent_workers", "pin_memory", "prefetch_factor"}


@dataclass(frozen=True)
class Job:
    """One training with its evaluation.

    Attributes:
        method: Name of the method or of another config; `SINGLE_TASKS` for a single-task network.
        seed: Random seed.
        task: The only task of a single-task network.
        folder: Work directory.
        options: Settings that are merged into the config.
        select: Metric of the validation that chooses the checkpoint; None for the last one.
        network: Name of another config that is trained instead of the first one.
    """

    method: str
    seed: int
    task: str | None
    folder: Path
    options: Mapping[str, Any]
    select: str | None = None
    network: str | None = None

    def __str__(self) -> str:
        return f"{self.method if self.task is None else f'single task {self.task}'}, seed {self.seed}"

    @property
    def is_finished(self) -> bool:
        """Whether the network is trained and evaluated."""
        return (self.folder / _RESULT).is_file()


def plan_jobs(
    cfg: Config,
    methods: Sequence[Method],
    seeds: Sequence[int],
    single_tasks: bool,
    work_dirs: Path,
    options: Mapping[str, Any],
    select: Sequence[str] = (),
    networks: Sequence[str] = (),
) -> list[Job]:
    """All trainings of a comparison, in their order: seed by seed, single-task networks first.

    Args:
        cfg: Config of the multi-task network.
        methods: The methods.
        seeds: Random seeds.
        single_tasks: Whether to train a network for each task.
        work_dirs: Parent of the work directories.
        options: Further settings of the config, for all trainings.
        select: Metrics that choose the checkpoints; empty for the last ones. The first one is for multi-task networks;
            a single-task network uses the first one of its task.
        networks: Names of other configs, which are trained as they are.

    Raises:
        ValueError: A single-task network has no metric in `select`.
    """
    tasks = tasks_of(cfg) if single_tasks else []
    jobs = []
    for seed in seeds:
        for task in tasks:
            own = [key for key in select if _task_of(key) == task]
            if select and not own:
                raise ValueError(
                    f"--select {' '.join(select)} has no metric of the task {task}. With --single-tasks it needs one "
                    "for each task, that of the multi-task networks first."
                )
            more = {"randomness.seed": seed, **_only(cfg, task), **_saving(own)}
            folder = work_dirs / f"single-{task}_seed{seed}"
            jobs.append(Job(SINGLE_TASKS, seed, task, folder, {**options, **more}, own[0] if own else None))
        for method in methods:
            more = {"randomness.seed": seed, **_balancer(cfg, method.config), **_saving(select)}
            folder = work_dirs / f"{_as_folder(method.name)}_seed{seed}"
            first = select[0] if select else None
            jobs.append(Job(method.name, seed, None, folder, {**options, **more}, first))
        for network in networks:
            more = {"randomness.seed": seed, **_saving(select)}
            folder = work_dirs / f"{_as_folder(network)}_seed{seed}"
            first = select[0] if select else None
            jobs.append(Job(network, seed, None, folder, {**options, **more}, first, network))
    return jobs


def tasks_of(cfg: Config) -> list[str]:
    """Names of a config's tasks.

    Raises:
        ValueError: The config has no heads.
    """
    heads = (cfg.get("model") or {}).get("heads") or {}
    tasks = [task for task, head in heads.items() if head is not None]
    if not tasks:
        raise ValueError(f"{cfg.filename} has no model.heads: mtl compare needs the config of a MultiTaskModel.")
    return tasks


def check_settings(cfg: Config, job: Job) -> None:
    """Check that the folder of a job belongs to the same settings.

    Raises:
        ValueError: The folder has a training with other settings.
    """
    path = job.folder / _SETTINGS
    if not path.is_file():
        return
    before, now = read_json(path), _settings(cfg, job)
    different = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if different:
        shown = "; ".join(f"{key}: {before.get(key)} there, {now.get(key)} here" for key in different[:3])
        raise ValueError(
            f"{job.folder} has a training with other settings ({shown}). Choose another folder with --work-dirs, or "
            "delete this one."
        )


def run_job(config: str, cfg: Config, job: Job) -> bool:
    """Train and evaluate a network unless it is finished. An interrupted training is resumed.

    Args:
        config: Config file or name of a preset.
        cfg: The loaded config.
        job: The job.

    Returns:
        Whether there was something to do.

    Raises:
        FolderInUseError: Another process runs the job.
        JobError: The training or the evaluation failed.
    """
    with FolderLock(job.folder.parent / _LOCKS / job.folder.name, f"the job {job}"):
        if job.is_finished:
            return False
        _write_json(job.folder / _SETTINGS, _settings(cfg, job))
        words = options_as_text(job.options)
        if not (job.folder / METRICS).is_file():
            steps = _step_times(job.folder)
            peak = train(config, job.folder, words)
            if len(_step_times(job.folder)) > len(steps):  # otherwise this start only found a finished training
                _write_json(job.folder / _PEAK, {"MiB": max(filter(None, (peak, _peak(job.folder))), default=None)})
            evaluate(config, job.folder, words, _checkpoint(job))
        _write_json(job.folder / _RESULT, _result(job))
        return True


def read_run(job: Job) -> tuple[MethodRun, str]:
    """The result of a finished job, and the name of the host that trained it."""
    result = read_json(job.folder / _RESULT)
    scores = {
        key: value
        for key, value in result["scores"].items()
        if "/" in key and is_headline(key) and job.task in (None, _task_of(key))
    }
    return MethodRun(job.method, job.seed, scores, result["step_seconds"], result["peak_memory"]), result["host"]


def _as_folder(name: str) -> str:
    return re.sub(r"[^\w.=,+-]+", "-", name)


def _only(cfg: Config, task: str) -> dict[str, Any]:
    """Settings of the single-task network for `task`: the other heads are removed, and what only they need."""
    options: dict[str, Any] = {f"model.heads.{other}": None for other in tasks_of(cfg) if other != task}
    options |= _balancer(cfg, None)
    if ((cfg.get("default_hooks") or {}).get("checkpoint") or {}).get("save_best"):
        options["default_hooks.checkpoint.save_best"] = None  # it may be a metric of another task
    hooks = [_with_teachers_of(hook, task) for hook in cfg.get("custom_hooks") or []]
    if hooks != (cfg.get("custom_hooks") or []):
        options["custom_hooks"] = _plain([hook for hook in hooks if hook is not None])
    return options


def _with_teachers_of(hook: Any, task: str) -> Any:
    """A hook without the teachers of other tasks; None if no teacher is left."""
    if not isinstance(hook, Mapping) or hook.get("type") != "DistillationHook":
        return hook
    teachers = []
    for teacher in hook["teachers"]:
        tasks = teacher.get("tasks", ())
        own = {task: tasks[task]} if isinstance(tasks, Mapping) and task in tasks else [t for t in tasks if t == task]
        if own:
            teachers.append({**teacher, "tasks": own if len(own) < len(tasks) else tasks})
    return {**hook, "teachers": teachers} if teachers else None


def _plain(value: Any) -> Any:
    """Configs as plain dicts and lists, whose `repr` is a literal."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return type(value)(map(_plain, value)) if isinstance(value, list | tuple) else value


def _balancer(cfg: Config, balancer: dict | None) -> dict[str, Any]:
    if "balancer" not in cfg.model:
        return {} if balancer is None else {"model.balancer": balancer}
    return {"model.balancer": balancer and {**balancer, "_delete_": True}}


def _saving(select: Sequence[str]) -> dict[str, Any]:
    return {"default_hooks.checkpoint.save_best": select[0]} if select else {}


def _checkpoint(job: Job) -> str | None:
    """The checkpoint that the validation chose; None for the last one."""
    if job.select is None:
        return None
    last = find_checkpoint(job.folder)
    info = read_checkpoint(last)["message_hub"]["runtime_info"] if last else {}
    best = info.get("best_ckpt")
    if not best:
        raise JobError(f"{job.folder} has no best checkpoint of {job.select}: the config must validate at least once.")
    return str(job.folder / Path(best).name)


def _result(job: Job) -> dict[str, Any]:
    lines = read_scalars(job.folder)["train"]
    times = [line["time"] for line in lines if "time" in line]
    gpu = [line["memory"] for line in lines if "memory" in line]
    scores = read_json(job.folder / METRICS)
    return dict(
        method=job.method,
        seed=job.seed,
        task=job.task,
        scores=scores,
        step_seconds=median(times) if times else None,
        peak_memory=max(gpu) if gpu else _peak(job.folder),
        host=socket.gethostname(),
    )


def _step_times(folder: Path) -> list[float]:
    return [line["time"] for line in read_scalars(folder)["train"] if "time" in line]


def _peak(folder: Path) -> float | None:
    path = folder / _PEAK
    return read_json(path)["MiB"] if path.is_file() else None


def _settings(cfg: Config, job: Job) -> dict[str, str]:
    """The complete settings of a job by dotted key, without those of the machine."""
    return dict(_flat(load_config(cfg, dict(job.options)).to_dict()))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if value and isinstance(value, Mapping | list | tuple):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if key not in _OF_THE_MACHINE:
                yield from _flat(item, f"{path}.{key}".lstrip("."))
    else:  # the `repr` of an object may contain its address
        is_plain = isinstance(value, str | int | float | bool | Mapping | list | tuple | None)
        yield path, repr(value) if is_plain else type(value).__name__


def _task_of(key: str) -> str:
    return split_metric(key)[0].rpartition("/")[2]


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=1) + "\n")
