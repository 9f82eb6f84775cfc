"""Trainings that are interrupted at random moments and resumed: `pytest -m fuzz -s` counts 20 trials of each signal.

Each ends with the weights of an uninterrupted run, to the last bit.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest
import torch

CONFIG = """
_base_ = [{base!r}]
data_root = {data!r}
size = (48, 64)
model = dict(
    backbone=dict(model_name="test_efficientnet", drop_path_rate=0.2),  # draws at random in every step
    neck=dict(channels=16),
    balancer={balancer!r},
)
train_dataloader = dict(batch_size=1, num_workers=1, {sampler} dataset=dict(
    label_shares=dict(depth=(0.0, 0.5)),
    pipeline=[
        dict(type="RandomZoom", scale=(1.0, 1.6), p=0.5),
        dict(type="RandomCrop", size=size),
        dict(type="RandomHorizontalFlip", p=0.5),
        dict(type="PackSample"),
    ]))
val_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
train_cfg = dict({loop})
default_hooks = dict(
    checkpoint=dict(interval={interval}, max_keep_ckpts=1, save_best="depth/rmse"), logger=dict(interval=1)
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type="EMAHook", momentum=0.1),
    dict(type="DistillationHook", teachers=[dict(ema=True, tasks=["depth"])]),  # labels the images without depth
]
"""
LOOPS = dict(
    epoch=dict(sampler="", loop="max_epochs=6, val_interval=2", interval=2),
    iter=dict(
        sampler='sampler=dict(_delete_=True, type="SeededInfiniteSampler", shuffle=True),',
        loop='_delete_=True, type="IterBasedTrainLoop", max_iters=18, val_interval=5',
        interval=4,
    ),
)
EVERY_EPOCH = dict(sampler="", loop="max_epochs=4, val_interval=2", interval=1)  # saves a checkpoint after each
STATEFUL_BALANCERS = ["UW", "DWA", "RLW", "FAMO", "STCH", "GradVac", "GradNorm", "SDMGrad", "PCD", "GradDrop"]
STATEFUL_BALANCERS += ["MoCo", "DBMTL", "ExcessMTL"]  # they have a memory of gradients
ENDED = {"SIGKILL": {137, -9}, "SIGTERM": {143}}


def _combinations():
    """All combinations with `-m fuzz`, 5 trials each; in the suite one trial of one."""
    for name in ENDED:
        for processes in (1, 2):
            for loop in LOOPS:
                yield pytest.param(name, processes, loop, 5, marks=pytest.mark.fuzz)
    yield "SIGTERM", 1, "iter", 1


@pytest.mark.parametrize("name, processes, loop, trials", _combinations())
def test_an_interrupted_and_resumed_training_ends_like_an_uninterrupted_one(
    name, processes, loop, trials, root, synthrooms_folder, tmp_path
):
    training = Training(root, write_config(tmp_path, root, synthrooms_folder, LOOPS[loop]), processes)
    training.finish(tmp_path / "uninterrupted")
    logged, expected = lines_of(tmp_path / "uninterrupted"), final(tmp_path / "uninterrupted")
    generator, counts = random.Random(f"{name} {processes} {loop}"), dict(interrupted=0, finished=0, equal=0)
    for trial in range(trials):
        work = tmp_path / f"interrupted_{trial}"
        code = training.interrupt(work, getattr(signal, name), generator, generator.randrange(logged - 2))
        assert code in ENDED[name] | {0}, training.output(work)
        counts["finished" if code == 0 else "interrupted"] += 1
        if name == "SIGTERM":
            assert not list(work.glob(".saving-*"))
            if code and "Traceback" in training.output(work):
                pytest.fail(training.output(work))
        training.finish(work, "--resume")
        assert_equal_weights(expected, final(work), f"trial {trial}\n{training.output(work)}")
        counts["equal"] += 1
    print(f"\n{name}, {processes} processes, {loop}: {counts}")
    assert counts["equal"] == trials


def test_a_run_killed_after_its_first_checkpoint_ends_like_an_uninterrupted_one(root, synthrooms_folder, tmp_path):
    """`kill -9` at a random moment of the next epochs: during training, saving or validation."""
    training = Training(root, write_config(tmp_path, root, synthrooms_folder, EVERY_EPOCH), 1)
    uninterrupted, killed = tmp_path / "uninterrupted", tmp_path / "killed"
    training.finish(uninterrupted)
    process = training.start(killed)
    while not (killed / "last_checkpoint").exists():
        assert process.poll() is None, "the run ended before its first checkpoint"
        time.sleep(0.005)
    time.sleep(random.random())
    process.send_signal(signal.SIGKILL)
    process.wait()
    training.finish(killed, "--resume")
    expected, found = final(uninterrupted), final(killed)
    assert expected["meta"]["epoch"] == found["meta"]["epoch"] == 4
    assert_equal_weights(expected, found, training.output(killed))
    best = {path.name for path in uninterrupted.glob("best_*.pth")}
    assert best and best == {path.name for path in killed.glob("best_*.pth")}


@pytest.mark.fuzz
@pytest.mark.parametrize("balancer", STATEFUL_BALANCERS)
def test_a_killed_training_with_a_stateful_balancer_ends_like_an_uninterrupted_one(
    balancer, root, synthrooms_folder, tmp_path
):
    config = write_config(tmp_path, root, synthrooms_folder, LOOPS["iter"], dict(type=balancer))
    training, killed = Training(root, config, 1), tmp_path / "killed"
    training.finish(tmp_path / "uninterrupted")
    training.interrupt(killed, signal.SIGKILL, random.Random(balancer), lines=8)  # saved after 4 and 8 of 18 steps
    training.finish(killed, "--resume")
    assert_equal_weights(final(tmp_path / "uninterrupted"), final(killed), training.output(killed))


def write_config(folder, root, data, loop, balancer=None):
    config = folder / "tiny.py"
    base = str(root / "configs" / "hydranet_synthrooms.py")
    config.write_text(CONFIG.format(base=base, data=str(data), balancer=balancer, **loop))
    return config


def assert_equal_weights(expected, found, why):
    for part in ("state_dict", "ema_state_dict"):
        assert expected[part].keys() == found[part].keys()
        different = [key for key, value in expected[part].items() if not torch.equal(value, found[part][key])]
        assert not different, f"{part} {different}: {why}"


class Training:
    """Starts the training command in one or two processes.

    Args:
        root: The source tree.
        config: The config file.
        processes: Number of processes.
    """

    def __init__(self, root, config, processes):
        tools = root / "tools"
        several = [str(tools / "dist_train.sh"), str(config), str(processes)]
        self.command = several if processes > 1 else [sys.executable, str(tools / "train.py"), str(config)]
        self.processes = processes

    def start(self, work, *more):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        env = dict(os.environ, PYTHON=sys.executable, PORT=port, OMP_NUM_THREADS="1")
        work.mkdir(exist_ok=True)
        with open(work / "output.txt", "ab") as output:
            command = [*self.command, "--work-dir", str(work), *more]
            return subprocess.Popen(command, stdout=output, stderr=output, env=env, start_new_session=True)

    def output(self, work):
        return (work / "output.txt").read_text(errors="replace")[-6000:]

    def finish(self, work, *more):
        assert self.start(work, *more).wait(timeout=300) == 0, self.output(work)

    def interrupt(self, work, number, generator, lines):
        """Send a signal at a random moment after training has logged some lines, and return the exit code."""
        process = self.start(work)
        while lines_of(work) <= lines:
            assert process.poll() is None, self.output(work)
            time.sleep(0.01)
        time.sleep(generator.uniform(0, 0.3))
        ranks = [process.pid] if self.processes == 1 else children(process.pid)
        if ranks and process.poll() is None:
            launcher = [process.pid] if number == signal.SIGTERM else []
            target = generator.choice([*ranks, *launcher])
            to_group = number == signal.SIGTERM and generator.random() < 0.3  # as Slurm does, also to the workers
            (os.killpg if to_group else os.kill)(process.pid if to_group else target, number)
        return process.wait(timeout=120)


def children(process):
    with open(f"/proc/{process}/task/{process}/children") as file:
        return [int(child) for child in file.read().split()]


def lines_of(work):
    """The number of steps and validations in the log of the last start."""
    logs = sorted(work.glob("*/vis_data/scalars.json"))
    return len(logs[-1].read_text().splitlines()) if logs else -1


def final(work):
    return torch.load((work / "last_checkpoint").read_text(), weights_only=False)
