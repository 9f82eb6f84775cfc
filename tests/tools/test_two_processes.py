"""Two processes with gloo train with missing labels and compute the metrics of a single process."""

import json
import os
import socket
import subprocess
import sys

CONFIG = """
_base_ = [{base!r}]
data_root = {data!r}
model = dict(backbone=dict(model_name="test_efficientnet", pretrained=False), neck=dict(channels=16))
train_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False, dataset=dict(
    pipeline=[dict(type="RandomCrop", size=(32, 48)), dict(type="PackSample")]))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(split="train", limit=5))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
"""


def _free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


def _run(*command):
    env = dict(os.environ, PYTHON=sys.executable, PORT=_free_port(), OMP_NUM_THREADS="1")
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]


def test_two_processes_train_with_missing_labels_and_compute_the_same_metrics_as_one(root, nyud_folder, tmp_path):
    config, work, tools = tmp_path / "tiny.py", tmp_path / "work", root / "tools"
    base = str(root / "configs" / "hydranet_nyud_three.py")
    config.write_text(CONFIG.format(base=base, data=str(nyud_folder)))
    # batches of one: in most steps one process has no label for some head, and in some steps neither has
    _run(tools / "dist_train.sh", config, 2, "--work-dir", work)
    checkpoint = (work / "last_checkpoint").read_text()
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    # five images: the second process repeats one, which must not count twice
    _run(tools / "dist_test.sh", config, checkpoint, 2, "--work-dir", tmp_path / "two", "--out", two)
    _run(sys.executable, tools / "test.py", config, checkpoint, "--work-dir", tmp_path / "one", "--out", one)
    scores = json.loads(one.read_text())
    assert scores == json.loads(two.read_text())
    assert scores["depth/rmse"] > 0 and "normals/mean" in scores and "semseg/mIoU" in scores
