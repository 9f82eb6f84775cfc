"""`kill -9` at a random moment of a real training, then `--resume`: the weights are identical to the last bit."""

import random
import signal
import subprocess
import sys
import time

import torch

EPOCHS = 4
CONFIG = """
_base_ = [{base!r}]
data_root = {data!r}
size = (48, 64)
model = dict(
    backbone=dict(model_name="test_efficientnet", drop_path_rate=0.2),  # draws at random in every step
    neck=dict(channels=16),
)
train_dataloader = dict(batch_size=2, num_workers=1, dataset=dict(pipeline=[
    dict(type="RandomZoom", scale=(1.0, 1.6), p=0.5),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]))
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs={epochs}, val_interval=2)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1, save_best="depth/rmse"), logger=dict(interval=1))
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", momentum=0.1)]
"""


def _command(root, config, work_dir, *more):
    return [sys.executable, str(root / "tools" / "train.py"), str(config), "--work-dir", str(work_dir), *more]


def _run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def _final(work_dir):
    return torch.load((work_dir / "last_checkpoint").read_text(), weights_only=False)


def test_a_killed_and_resumed_run_ends_like_an_uninterrupted_one(root, synthrooms_folder, tmp_path):
    config = tmp_path / "tiny.py"
    base = str(root / "configs" / "hydranet_synthrooms.py")
    config.write_text(CONFIG.format(base=base, data=str(synthrooms_folder), epochs=EPOCHS))
    _run(_command(root, config, tmp_path / "uninterrupted"))

    killed = tmp_path / "killed"
    process = subprocess.Popen(_command(root, config, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (killed / "last_checkpoint").exists():
        assert process.poll() is None, "the run ended before its first checkpoint"
        time.sleep(0.005)
    time.sleep(random.random())  # at any moment of the next epochs: during training, saving or validation
    process.send_signal(signal.SIGKILL)
    process.wait()
    _run(_command(root, config, killed, "--resume"))

    expected, found = _final(tmp_path / "uninterrupted"), _final(killed)
    assert expected["meta"]["epoch"] == found["meta"]["epoch"] == EPOCHS
    for part in ("state_dict", "ema_state_dict"):
        assert expected[part].keys() == found[part].keys()
        for key, value in expected[part].items():
            assert torch.equal(value, found[part][key]), f"{part} {key} differs"
    best = {path.name for path in (tmp_path / "uninterrupted").glob("best_*.pth")}
    assert best and best == {path.name for path in killed.glob("best_*.pth")}
