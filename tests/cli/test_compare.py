"""`mtl compare`: its methods, its trainings, what it keeps, and the table."""

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mtl_plugins.apis import load_config
from mtl_plugins.cli import compare, comparison_jobs, training_jobs
from mtl_plugins.cli.comparison_jobs import SINGLE_TASKS, plan_jobs
from mtl_plugins.cli.comparison_method import Method, check_method, parse_method
from mtl_plugins.cli.parse_value import parse_value
from mtl_plugins.cli.training_jobs import options_as_text

SMALL = """
_base_ = ["{root}/configs/hydranet_synthrooms.py"]
data_root = "{data}"
model = dict(
    backbone=dict(model_name="test_efficientnet"), neck=dict(channels=8), heads=dict(normals=None)
)
plain = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(batch_size=2, dataset=dict(
    pipeline=[dict(type="RandomCrop", size=(32, 64)), dict(type="PackSample")]), **plain)
val_dataloader = dict(batch_size=2, **plain)
test_dataloader = val_dataloader
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric")]
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(logger=dict(interval=1))
custom_hooks = [dict(type="SeedIterationHook")]
env_cfg = dict(cudnn_benchmark=False)
log_level = "ERROR"
"""
CHOOSING = 'val_dataloader = dict(batch_size=2, dataset=dict(split="train"), **plain)\n'
WEIGHTED = "Equal:warmup=3"  # a method with a balancer
HOLD = """
import sys, time
from mtl_plugins.files import FolderLock
with FolderLock(sys.argv[1], "the job of another process"):
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def config(root, synthrooms_folder, tmp_path, monkeypatch):
    """Write a small config, of classes and depth, and return its path."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.py"
    path.write_text(SMALL.format(root=root, data=synthrooms_folder))
    return path


@pytest.fixture
def processes(monkeypatch):
    """Replaces the processes by functions that write what trainings and evaluations write; lists the commands.

    `fail` has parts of the names of work directories whose training fails.
    """

    class Processes(list):
        fail = ()

    calls = Processes()

    def run(words, log):
        command, folder = words[3], Path(words[words.index("--work-dir") + 1])
        calls.append((command, folder.name, words))
        if any(part in folder.name for part in calls.fail):
            log.write(b"\nerror: the loss is not finite\n(traceback: file)\n")
            return 1, None
        method, seed = folder.name.split("_seed")
        if command == "train":
            scalars = folder / "20250101_000000" / "vis_data" / "scalars.json"
            scalars.parent.mkdir(parents=True, exist_ok=True)
            times = [9.0, 0.2, 0.2] if method == "equal" else [9.0, 0.3, 0.3]
            scalars.write_text(
                "".join(json.dumps({"time": t, "iter": i, "step": i}) + "\n" for i, t in enumerate(times))
            )
        else:
            better = 0 if method.startswith("single") else 4
            scores = {"semseg/mIoU": 40.0 + better + int(seed), "semseg/mAcc": None, "depth/rmse": 0.5}
            Path(words[words.index("--out") + 1]).write_text(
                json.dumps(scores | {"protocols": {}, "unread_images": 0, "measured": {"images": {"depth": 2}}})
            )
        return 0, 110.0 if method.startswith("Equal") else 100.0

    monkeypatch.setattr(training_jobs, "run_process", run)
    monkeypatch.setattr(training_jobs, "find_checkpoint", lambda folder: "last.pth")
    return calls


@pytest.mark.parametrize(
    "text, expected",
    [
        ("equal", ("equal", None)),
        ("UPGrad", ("UPGrad", {"type": "UPGrad"})),
        ("imtl-g", ("IMTLG", {"type": "IMTLG"})),
        (
            "UPGrad:at=parameters,every=2",
            ("UPGrad:at=parameters,every=2", dict(type="UPGrad", at="parameters", every=2)),
        ),
        ("equal:warmup=3", ("Equal:warmup=3", {"type": "Equal", "warmup": 3})),
        ("Equal", ("equal", None)),
        ("UW:task_weights={a: 2.0}", ("UW:task_weights={a:2.0}", dict(type="UW", task_weights={"a": 2.0}))),
    ],
)
def test_a_method_is_a_name_with_options(text, expected):
    assert parse_method(text, ["UPGrad", "IMTLG", "UW", "Equal"]) == Method(*expected)


@pytest.mark.parametrize(
    "text, message",
    [
        ("UPGrat", "no balancer has the name 'UPGrat'; did you mean 'UPGrad'?"),
        ("xyzxyz", "no balancer has the name 'xyzxyz'; known: UPGrad, UW, equal."),
        ("UW:warmup", "Write options as NAME:OPTION=VALUE"),
        ("UW:type=UPGrad", "type is not an option"),
        ("equal:warmup=3", "no balancer has the name 'equal'"),
    ],
)
def test_a_wrong_method_raises(text, message):
    with pytest.raises(ValueError) as raised:
        parse_method(text, ["UPGrad", "UW"])
    assert message in str(raised.value)


def test_a_wrong_option_of_a_balancer_raises_before_anything_trains(config, processes):
    with pytest.raises((TypeError, ValueError), match="evry"):
        check_method(Method("Equal:evry=2", {"type": "Equal", "evry": 2}), ["depth"])
    with pytest.raises((TypeError, ValueError), match="warmup"):
        compare.main([str(config), "--methods", "equal", "Equal:warmup=-1"])
    assert not processes


def test_options_are_read_back_from_the_command_line():
    options = {
        "randomness.seed": 1,
        "model.balancer": {"type": "UPGrad", "at": "parameters", "preference": [1.0, 2.0], "_delete_": True},
        "model.heads.depth": None,
        "data_root": "a folder, with 'quotes'",
        "custom_hooks": [{"type": "SummaryHook"}, {"type": "DistillationHook", "teachers": [{"tasks": ["depth"]}]}],
    }
    pairs = [text.partition("=") for text in options_as_text(options)]
    assert {key: parse_value(value) for key, _, value in pairs} == options


def test_single_task_networks_have_one_head_and_only_its_teachers(root):
    cfg = load_config(root / "configs" / "distillation" / "one_label_teachers.py")
    jobs = plan_jobs(cfg, [Method("UW", {"type": "UW"})], [0, 3], True, Path("runs"), {"train_cfg.max_epochs": 1})
    tasks = ["semseg", "depth", "normals"]
    assert [(job.method, job.seed, job.task) for job in jobs] == [
        *((SINGLE_TASKS, 0, task) for task in tasks), ("UW", 0, None),
        *((SINGLE_TASKS, 3, task) for task in tasks), ("UW", 3, None),
    ]  # fmt: skip
    assert jobs[-1].folder == Path("runs/UW_seed3") and jobs[1].folder == Path("runs/single-depth_seed0")
    only_depth = load_config(cfg, dict(jobs[5].options))
    assert only_depth.randomness.seed == 3 and only_depth.train_cfg.max_epochs == 1
    assert [task for task, head in only_depth.model.heads.items() if head is not None] == ["depth"]
    [hook] = [hook for hook in only_depth.custom_hooks if hook.type == "DistillationHook"]
    assert [list(teacher.tasks) for teacher in hook.teachers] == [["depth"]]
    assert len(only_depth.custom_hooks) == len(cfg.custom_hooks)
    joint = load_config(cfg, dict(jobs[-1].options))
    assert joint.model.balancer == {"type": "UW"} and joint.custom_hooks == cfg.custom_hooks


def test_the_checkpoint_of_a_single_task_network_is_not_chosen_by_another_task(config):
    config.write_text(config.read_text() + '\ndefault_hooks["checkpoint"] = dict(save_best="semseg/mIoU")\n')
    cfg = load_config(config)
    jobs = plan_jobs(cfg, [Method("equal", None)], [0], True, Path("runs"), {})
    saved = [load_config(cfg, dict(job.options)).default_hooks.checkpoint.save_best for job in jobs]
    assert saved == [None, None, "semseg/mIoU"]


def test_the_balancer_of_the_config_is_replaced(config):
    config.write_text(config.read_text() + '\nmodel["balancer"] = dict(type="Equal", warmup=7)\n')
    cfg = load_config(config)
    methods = [Method("equal", None), Method("UW", {"type": "UW"})]
    jobs = plan_jobs(cfg, methods, [0], True, Path("runs"), {})
    balancers = [load_config(cfg, dict(job.options)).model.balancer for job in jobs]
    assert balancers == [None, None, None, {"type": "UW"}]


def test_the_table_and_what_is_kept(config, processes, tmp_path, capsys):
    arguments = [str(config), "--methods", "equal", WEIGHTED, "--seeds", "0", "1", "--work-dirs", "runs"]
    compare.main([*arguments, "--single-tasks"])
    assert len(processes) == 2 * 8 and all("--resume" in words for command, _, words in processes if command == "train")
    names = ["single-semseg_seed0", "single-depth_seed0", "equal_seed0", "Equal-warmup=3_seed0"]
    assert [name for command, name, _ in processes if command == "train"][:4] == names
    printed = capsys.readouterr().out
    lines = [line.split() for line in printed.splitlines()]
    [single] = [line for line in lines if line[:2] == ["single", "tasks"]]
    [equal] = [line for line in lines if line[:1] == ["equal"]]
    assert single[2:7] == ["2", "40.50", "±", "0.71", "0.5000"]
    assert " ".join(equal) == "equal 2 44.50 ± 0.71 0.5000 ± 0.0000 4.94 ± 0.87 1.50 0.200 (1.00×) 100 (1.00×)"
    assert "0.300 (1.50×)" in printed and "110 (1.10×)" in printed
    assert "checkpoint: last" in printed and "evaluated on: SynthRooms (val)" in printed
    results = json.loads((tmp_path / "runs" / "comparison.json").read_text())
    assert results["metrics"] == ["semseg/mIoU", "depth/rmse"]
    assert results["methods"][WEIGHTED]["scores"]["semseg/mIoU"]["runs"] == [44.0, 45.0]
    assert results["methods"][WEIGHTED]["gain_percent"]["mean"] == pytest.approx(100 * 4 / 40.5 / 2)
    markdown = (tmp_path / "runs" / "comparison.md").read_text()
    assert "| method | runs | semseg/mIoU % ↑ | depth/rmse m ↓ | Δm % ↑ | rank ↓ |" in markdown
    assert "unread_images" not in markdown and (tmp_path / "runs" / "comparison.png").read_bytes()[1:4] == b"PNG"
    del processes[:]
    compare.main([*arguments, "--metrics", "depth/rmse", "--out", "depth.json"])
    assert not processes and "Δm" not in capsys.readouterr().out
    assert json.loads((tmp_path / "depth.json").read_text())["metrics"] == ["depth/rmse"]


def test_shards_share_the_runs_and_the_last_one_prints_the_table(config, processes, capsys):
    arguments = [str(config), "--methods", "equal", WEIGHTED, "--seeds", "0", "1", "--work-dirs", "runs", "--shard"]
    compare.main([*arguments, "1/2"])
    printed = capsys.readouterr().out
    assert (
        "2 of 4 runs are finished. Missing: Equal:warmup=3, seed 0; Equal:warmup=3, seed 1." in printed
        and "rank" not in printed
    )
    compare.main([*arguments, "1/2", "--partial"])
    assert "2 of 4 runs are missing." in capsys.readouterr().out
    compare.main([*arguments, "2/2"])
    assert "rank" in capsys.readouterr().out
    trained = [name for command, name, _ in processes if command == "train"]
    assert sorted(trained) == ["Equal-warmup=3_seed0", "Equal-warmup=3_seed1", "equal_seed0", "equal_seed1"]


def test_a_run_of_another_process_is_skipped(config, processes, tmp_path, capsys):
    lock = tmp_path / "runs" / ".locks" / "Equal-warmup=3_seed0"
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "locked\n"
        compare.main([str(config), "--methods", WEIGHTED, "equal", "--seeds", "0", "--work-dirs", "runs"])
    finally:
        other.kill()
        other.wait()
    printed = capsys.readouterr().out
    assert "in use by the job of another process" in printed and "Missing: Equal:warmup=3, seed 0." in printed
    assert [name for _, name, _ in processes] == ["equal_seed0", "equal_seed0"]


def test_a_run_that_another_process_has_finished_meanwhile_is_kept(config, processes, tmp_path):
    cfg = load_config(config)
    [job] = plan_jobs(cfg, [Method("equal", None)], [0], False, tmp_path, {})
    assert comparison_jobs.run_job(str(config), cfg, job)
    assert not comparison_jobs.run_job(str(config), cfg, job)
    assert len(processes) == 2


def test_a_failed_run_is_reported_and_the_others_continue(config, processes, capsys):
    arguments = [str(config), "--methods", "equal", WEIGHTED, "--seeds", "0", "1", "--work-dirs", "runs"]
    processes.fail = ["Equal-warmup=3_seed0"]
    with pytest.raises(
        ValueError, match=r"Equal:warmup=3, seed 0: mtl train failed: .* Its last error: the loss is not finite"
    ):
        compare.main(arguments)
    assert "3 of 4 runs are finished. Missing: Equal:warmup=3, seed 0." in capsys.readouterr().out
    processes.fail = []
    del processes[:]
    compare.main(arguments)
    assert [name for _, name, _ in processes] == ["Equal-warmup=3_seed0", "Equal-warmup=3_seed0"]


def test_the_command_stops_if_the_first_run_fails(config, processes):
    processes.fail = ["equal"]
    with pytest.raises(ValueError, match="mtl train failed"):
        compare.main([str(config), "--methods", "equal", WEIGHTED, "--work-dirs", "runs"])
    assert len(processes) == 1


def test_an_interrupted_run_keeps_its_largest_memory(config, processes, tmp_path, monkeypatch):
    cfg = load_config(config)
    [job] = plan_jobs(cfg, [Method("equal", None)], [0], False, tmp_path, {})
    evaluate = comparison_jobs.evaluate
    monkeypatch.setattr(comparison_jobs, "evaluate", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        comparison_jobs.run_job(str(config), cfg, job)
    monkeypatch.setattr(comparison_jobs, "evaluate", evaluate)
    # This start finds a finished training, so it takes no step and its memory does not count.
    run = training_jobs.run_process
    monkeypatch.setattr(training_jobs, "run_process", lambda words, log: (run(words, log)[0], 1.0))
    comparison_jobs.run_job(str(config), cfg, job)
    assert comparison_jobs.read_run(job)[0].peak_memory == 100.0


def test_a_folder_of_other_settings_raises(config, processes, synthrooms_folder, tmp_path):
    arguments = [str(config), "--seeds", "0", "--work-dirs", "runs", "--cfg-options"]
    compare.main([*arguments, "train_cfg.max_epochs=2"])
    message = r"equal_seed0 has a training with other settings \(train_cfg.max_epochs: 2 there, 3 here\)"
    with pytest.raises(ValueError, match=message):
        compare.main([*arguments, "train_cfg.max_epochs=3"])
    # another machine
    compare.main([*arguments, "train_cfg.max_epochs=2", "data_root=elsewhere", "train_dataloader.num_workers=1"])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--metrics", "depth/rsme"], "no metric 'depth/rsme': did you mean 'depth/rmse'"),
        (["--select", "depth/rmse"], "the config validates on its test set"),
        (["--methods", "Equall"], "did you mean 'equal'"),
    ],
)
def test_wrong_arguments_raise_before_anything_trains(config, processes, arguments, message):
    with pytest.raises(ValueError) as raised:
        compare.main([str(config), *arguments])
    assert message in str(raised.value) and not processes


@pytest.mark.parametrize(
    "options", [["--shard", "3/2"], ["--shard", "0/2"], ["--shard", "x"], ["--out", "table.md"], ["--seeds", "-1"]]
)
def test_wrong_options_end_the_command(options, config, capsys):
    with pytest.raises(SystemExit):
        compare.main([str(config), *options])
    assert options[0] in capsys.readouterr().err


class TestOtherConfigs:
    @pytest.fixture
    def other(self, config, tmp_path):
        path = tmp_path / "wider.py"
        path.write_text('_base_ = ["small.py"]\nmodel = dict(neck=dict(channels=12))\n')
        return path

    def test_they_are_rows_of_the_table(self, config, other, processes, capsys, tmp_path):
        compare.main(
            [str(config), "--configs", str(other), "--seeds", "0", "1", "--single-tasks", "--work-dirs", "runs"]
        )
        trained = [(name, words[4]) for command, name, words in processes if command == "train"]
        assert trained.count(("wider_seed0", str(other))) == 1 and ("equal_seed1", str(config)) in trained
        rows = json.loads((tmp_path / "runs/comparison.json").read_text())["methods"]
        assert list(rows) == ["single tasks", "equal", "wider"] and rows["wider"]["seeds"] == [0, 1]
        processes.clear()
        compare.main(
            [str(config), "--configs", str(other), "--seeds", "0", "1", "--single-tasks", "--work-dirs", "runs"]
        )
        assert not processes

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("model = dict(heads=dict(depth=None))", "has the tasks semseg, but small.py has semseg, depth"),
            ("test_evaluator = [dict(type='DepthMetric')]", "has another test_evaluator than small.py"),
            ("test_dataloader = dict(dataset=dict(limit=1))", "has another test_dataloader.dataset than small.py"),
        ],
    )
    def test_networks_that_cannot_be_compared(self, config, processes, tmp_path, text, message):
        path = tmp_path / "other.py"
        path.write_text(f'_base_ = ["small.py"]\n{text}\n')
        with pytest.raises(ValueError, match=message):
            compare.main([str(config), "--configs", str(path)])
        assert not processes

    def test_a_name_that_is_taken(self, config, other, processes, tmp_path):
        taken = tmp_path / "equal.py"
        shutil.copy(other, taken)
        with pytest.raises(ValueError, match="already has a row 'equal'"):
            compare.main([str(config), "--configs", str(taken)])
        assert not processes


def test_a_file_is_no_folder_for_the_runs(config, processes, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file is a file: give a folder"):
        compare.main([str(config), "--work-dirs", str(tmp_path / "file")])
    assert not processes


def test_single_task_networks_need_a_metric_that_selects_their_checkpoint(config):
    cfg = load_config(config)
    with pytest.raises(ValueError, match="has no metric of the task depth"):
        plan_jobs(cfg, [], [0], True, Path("runs"), {}, ["semseg/mIoU"])
    jobs = plan_jobs(cfg, [Method("equal", None)], [0], True, Path("runs"), {}, ["semseg/mIoU", "depth/rmse"])
    saved = [job.options["default_hooks.checkpoint.save_best"] for job in jobs]
    assert saved == [job.select for job in jobs] == ["semseg/mIoU", "depth/rmse", "semseg/mIoU"]


def test_real_trainings_are_compared(config, monkeypatch, tmp_path, capsys):
    """Trainings and evaluations run in this process, with the checkpoints that the validation chose."""
    commands = []

    def run(words, log):
        commands.append(words)
        copy = tmp_path / f"small_{len(commands)}.py"  # mmengine has one global logger per name
        shutil.copy(words[4], copy)
        import_module(f"mtl_plugins.cli.{words[3]}").main([str(copy), *words[5:]])
        return 0, 123.0

    monkeypatch.setattr(training_jobs, "run_process", run)
    config.write_text(config.read_text() + CHOOSING)
    arguments = ["--methods", "Equal:task_weights={depth: 2.0}", "--seeds", "0"]
    compare.main([str(config), *arguments, "--single-tasks", "--select", "semseg/mIoU", "depth/rmse"])
    tested = [Path(words[5]) for words in commands if words[3] == "test"]
    best = [path.name.split("_epoch")[0] for path in tested]
    assert best == ["best_semseg_mIoU", "best_depth_rmse", "best_semseg_mIoU"]
    assert "checkpoint: best semseg/mIoU / depth/rmse on the validation set" in capsys.readouterr().out
    results = json.loads((tmp_path / "work_dirs" / "small_compare" / "comparison.json").read_text())
    assert list(results["methods"]) == [SINGLE_TASKS, "Equal:task_weights={depth:2.0}"]
    for method in results["methods"].values():
        assert method["step_seconds"]["mean"] > 0 and method["peak_memory_mib"]["mean"] == 123.0
        assert {"semseg/mIoU", "depth/rmse"} <= set(method["scores"])
    gain = results["methods"]["Equal:task_weights={depth:2.0}"]["gain_percent"]
    assert gain["runs"] == [gain["mean"]] and gain["mean"] != 0
