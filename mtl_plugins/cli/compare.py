"""Compare methods that balance tasks, for example: mtl compare hydranet_synthrooms --methods equal UW UPGrad

Trains the network of CONFIG with each method and each seed, with --single-tasks one network per task with the same
schedule, and with --configs other networks of the same tasks. Evaluates all of them on the test set, and prints a
table: the metrics, the gain over single-task networks (delta m), the mean rank, and the time and memory of the
training. The table is also written as text, Markdown, JSON and a picture.

Finished runs are kept and interrupted ones resumed. Several processes may share the work: start the same command with
--shard 1/2 and --shard 2/2. The command that finds all runs finished prints the table.

A method is `equal` (no balancer) or the name of a balancer, with options as in "UPGrad:at=parameters,every=2".
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mtl_plugins.apis import load_config
from mtl_plugins.apis.config import require_dataloader
from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.files import FolderInUseError
from mtl_plugins.kinds import higher_is_better
from mtl_plugins.models.balancers import balancer_names
from mtl_plugins.registry import METRICS, SCOPE

from .comparison_jobs import SINGLE_TASKS, Job, check_settings, plan_jobs, run_job, tasks_of
from .comparison_method import EQUAL, check_method, parse_method
from .comparison_report import Report, make_report, write_report
from .options import add_cfg_options, add_config, add_seeds, make_parser
from .training_jobs import JobError


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl compare`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument(
        "--methods", nargs="+", default=[EQUAL], metavar="NAME", help="methods, with options if needed (equal)"
    )
    parser.add_argument(
        "--configs",
        nargs="+",
        default=[],
        metavar="CONFIG",
        help="other configs of the same tasks, trained as they are",
    )
    add_seeds(parser)
    parser.add_argument(
        "--single-tasks", action="store_true", help="also train one network per task, the baseline of the gain"
    )
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=[],
        metavar="NAME",
        help="metrics of the table, the gain and the rank (default: the main metric of each task)",
    )
    parser.add_argument(
        "--select",
        nargs="+",
        default=[],
        metavar="METRIC",
        help="evaluate the checkpoint with the best METRIC on the validation set instead of the last one; with "
        "--single-tasks one metric per task, that of the multi-task networks first",
    )
    parser.add_argument("--shard", type=_shard, default=(1, 1), metavar="I/N", help="run the I-th of N shares")
    parser.add_argument(
        "--partial", action="store_true", help="print the table of the finished runs even if some are missing"
    )
    parser.add_argument(
        "--work-dirs", metavar="DIR", help="parent of all work directories (default: work_dirs/<config>_compare)"
    )
    parser.add_argument(
        "--out",
        metavar="FILE.json",
        help="the results; the text, Markdown and picture have the same name (default: comparison.json in --work-dirs)",
    )
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.out and Path(args.out).suffix != ".json":
        parser.error(f"--out {args.out}: expected a name that ends with .json.")
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl compare`."""
    args = parse_args(argv, prog)
    options = args.cfg_options or {}
    cfg = load_config(args.config, options)
    require_dataloader(cfg, "train_dataloader")
    require_dataloader(cfg, "test_dataloader")
    tasks, known = tasks_of(cfg), balancer_names()
    methods = list({method.name: method for method in (parse_method(text, known) for text in args.methods)}.values())
    for method in methods:
        check_method(method, tasks)
    _check_metrics(cfg, [*args.metrics, *args.select])
    networks = _other_networks(args.configs, cfg, options, [*(method.name for method in methods), SINGLE_TASKS])
    if args.select:
        for compared in (cfg, *(other for _, other in networks.values())):
            _check_selection(compared)
    work_dirs = Path(args.work_dirs or f"work_dirs/{Path(cfg.filename).stem}_compare")
    if work_dirs.exists() and not work_dirs.is_dir():
        raise ValueError(f"--work-dirs {work_dirs} is a file: give a folder.")
    seeds = list(dict.fromkeys(args.seeds))
    jobs = plan_jobs(cfg, methods, seeds, args.single_tasks, work_dirs, options, args.select, list(networks))
    for job in jobs:
        check_settings(networks[job.network][1] if job.network else cfg, job)
    number, shards = args.shard
    failed = _run(args.config, cfg, jobs[number - 1 :: shards], networks)
    missing = [job for job in jobs if not job.is_finished]
    if missing:
        print(f"{len(jobs) - len(missing)} of {len(jobs)} runs are finished. Missing: {'; '.join(map(str, missing))}.")
    if not missing or (args.partial and len(missing) < len(jobs)):
        report = make_report(jobs, args.metrics, _about(args, cfg))
        _show(report, Path(args.out) if args.out else work_dirs / "comparison.json")
    elif not failed:
        print("This command prints the table when all runs are finished, and with --partial before.")
    if failed:
        raise ValueError("\n".join(f"{job}: {error}" for job, error in failed))


def _shard(text: str) -> tuple[int, int]:
    number, _, shards = text.partition("/")
    if not (number.isdecimal() and shards.isdecimal() and 1 <= int(number) <= int(shards)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with I from 1 to N, such as 1/2 and 2/2")
    return int(number), int(shards)


def _other_networks(
    configs: Sequence[str], cfg: Config, options: Mapping[str, Any], taken: Sequence[str]
) -> dict[str, tuple[str, Config]]:
    """The configs of `--configs`, as given and loaded, by the name of their file.

    Raises:
        ValueError: A config has other tasks or other metrics than the first one, or its name is taken.
    """
    networks: dict[str, tuple[str, Config]] = {}
    first = Path(str(cfg.filename)).name
    for config in dict.fromkeys(configs):
        other = load_config(config, dict(options))
        name = Path(config).stem
        require_dataloader(other, "train_dataloader")
        require_dataloader(other, "test_dataloader")
        if name in networks or name in taken:
            raise ValueError(f"--configs {config}: the table already has a row {name!r}. Rename the file.")
        if set(tasks_of(other)) != set(tasks_of(cfg)):
            raise ValueError(
                f"--configs {config} has the tasks {', '.join(tasks_of(other))}, but {first} has "
                f"{', '.join(tasks_of(cfg))}: only networks of the same tasks can be compared."
            )
        differs = {
            "test_evaluator": other.get("test_evaluator") != cfg.get("test_evaluator"),
            "test_dataloader.dataset": _images_of(other.test_dataloader) != _images_of(cfg.test_dataloader),
        }
        for setting in (setting for setting, is_other in differs.items() if is_other):
            raise ValueError(
                f"--configs {config} has another {setting} than {first}, so their scores cannot be compared."
            )
        networks[name] = config, other
    return networks


def _images_of(loader: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a dataset that decide which images and labels it has."""
    return {name: value for name, value in loader["dataset"].items() if name != "pipeline"}


def _run(
    config: str, cfg: Config, jobs: Sequence[Job], networks: Mapping[str, tuple[str, Config]]
) -> list[tuple[Job, JobError]]:
    """Run the jobs one after the other; returns those that failed. If the first one fails, the others do not start."""
    failed: list[tuple[Job, JobError]] = []
    for position, job in enumerate(jobs, start=1):
        if job.is_finished:
            continue
        try:
            print(f"[{position}/{len(jobs)}] {job}", flush=True)
            run_job(*(networks[job.network] if job.network else (config, cfg)), job)
        except FolderInUseError as error:
            print(f"  skipped: {error}", flush=True)
        except JobError as error:
            if not failed and not any(other.is_finished for other in jobs):
                raise
            print(f"  failed: see {job.folder}", flush=True)
            failed.append((job, error))
    return failed


def _check_metrics(cfg: Config, keys: Sequence[str]) -> None:
    """Build the metrics, which publish their directions, and check that the given ones exist.

    Raises:
        ValueError: A metric does not exist, or it is not known whether a higher value is better.
    """
    init_default_scope(SCOPE)
    configs = cfg.get("test_evaluator") or []
    metrics = [METRICS.build(config) for config in (configs if isinstance(configs, list | tuple) else [configs])]
    known = [f"{metric.prefix}/{name}" for metric in metrics for name in getattr(metric, "score_names", ())]
    complete = all(hasattr(metric, "score_names") for metric in metrics)
    for key in keys:
        if complete and key not in known:
            raise ValueError(
                f"The test_evaluator has no metric {key!r}: {did_you_mean(key, known)}It has {', '.join(known)}."
            )
        if higher_is_better(key) is None:
            raise ValueError(
                f"It is not known whether a higher {key} is better: declare higher_is_better in its metric class."
            )


def _check_selection(cfg: Config) -> None:
    """Check that the test set does not choose the checkpoints.

    Raises:
        ValueError: There is no validation, or it uses the test set.
    """
    if _images_of(require_dataloader(cfg, "val_dataloader")) == _images_of(cfg.test_dataloader):
        raise ValueError(
            "--select chooses checkpoints on the validation set, but the config validates on its test set, so the "
            "scores would be too good. Give the config a val_dataloader with other images, or leave out --select: the "
            "last checkpoints are then evaluated."
        )


def _about(args: argparse.Namespace, cfg: Config) -> Mapping[str, Any]:
    """What a reader must know about the table."""
    dataset = cfg.test_dataloader.dataset
    chosen = f"best {' / '.join(args.select)} on the validation set" if args.select else "last"
    split = dataset.get("split")
    return {
        "config": str(args.config),
        "checkpoint": chosen,
        "evaluated on": f"{dataset.type}{f' ({split})' if split else ''}",
    }


def _show(report: Report, out: Path) -> None:
    print(report.text)
    for path in write_report(report, out):
        print(f"written: {path}")
