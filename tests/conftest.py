"""Tiny datasets in the official layouts, written once per run and never changed, and small helpers."""

import copy
import importlib.util
import os
import random
import shutil
import signal
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from mmengine.logging import MMLogger
from PIL import Image

from mtl_plugins.apis.config import drop_pretrained, innermost_datasets
from mtl_plugins.functional.normals_png import encode_normals
from mtl_plugins.kernels import warm_up
from mtl_plugins.prepare import prepare_kitti_depth
from mtl_plugins.synthrooms import prepare_synthrooms

from .datasets.data_files import write_frames
from .datasets.driving_files import (
    DATE,
    DRIVES,
    FRAMES,
    write_cityscapes,
    write_iddlite,
    write_kitti,
    write_kitti6,
    write_kitti_semantic,
)
from .datasets.multi_task_files import write_nyud_mt, write_pascal_mt

pytest.register_assert_rewrite("tests.contracts")  # shows the values of failed assertions there

settings.register_profile("untimed", deadline=None)  # a busy machine is not an error
settings.load_profile("untimed")

os.environ["HF_HUB_OFFLINE"] = "1"  # tests never download weights

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # for processes that tests start: other workers use the other cores

ROOT = Path(__file__).resolve().parents[1]
SIZE = (48, 64)
LABELS_OF_LINE = (  # which labels each image of `nyud_folder` has: semseg, depth, normals
    (True, True, True),
    (True, False, True),
    (False, True, False),
    (True, True, True),
    (False, False, True),
    (True, True, False),
)


def seed_by_name(name):
    """Seed PyTorch, NumPy and Python from `name`, so that the random numbers of a test do not depend on other tests."""
    seed = zlib.crc32(name.encode())
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@pytest.hookimpl(tryfirst=True)
def pytest_collectstart(collector):
    seed_by_name(collector.nodeid)  # modules may draw random numbers while they are imported


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    seed_by_name(f"{fixturedef.baseid}::{fixturedef.argname}[{getattr(request, 'param', '')}]")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    seed_by_name(item.nodeid)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _signals():
    """Shells ignore Ctrl-C in the background, and nohup SIGHUP; the tests need both."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True, scope="session")
def _kernels():
    warm_up()  # so that kernels are not compiled during a forward pass


DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.fixture(scope="session", params=DEVICES)
def device(request):
    """The CPU, and the GPU if there is one."""
    torch.backends.cudnn.allow_tf32 = False  # its convolutions have 10 bits of mantissa, too few to compare
    return torch.device(request.param)


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def data():
    """The folder of the small fixtures that are shipped with the tests; see its README.md."""
    return ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def shared():
    """`shared(name)`: a folder of material that must not be shipped (real frames, large fixtures); skips without it."""

    def find(name):
        for folder in (os.environ.get("MTL_SHARED"), ROOT.parent / "shared"):
            if folder and (Path(folder) / name).is_dir():
                return Path(folder) / name
        pytest.skip(
            f"{name} is not shipped; it is neither in $MTL_SHARED nor in a folder 'shared' next to the repository"
        )

    return find


@pytest.fixture(scope="session")
def nyud_folder(tmp_path_factory):
    """NYUDv2's layout: 6 images of 48 × 64 pixels; some labels of train.txt are missing, none of val.txt."""
    folder = tmp_path_factory.mktemp("nyud")
    rng = np.random.default_rng(0)
    for name in ("rgb", "masks", "depth", "normals"):
        (folder / name).mkdir()
    lines = []
    for i, has in enumerate(LABELS_OF_LINE):
        classes = np.kron(rng.integers(0, 40, (6, 8)), np.ones((8, 8))).astype(np.uint8)
        classes[:4] = 255
        depth = (rng.uniform(1, 8, (1, 64)) * 5000 * np.ones((48, 1))).astype(np.uint16)
        depth[:, :5] = 0
        normals = rng.standard_normal((48, 64, 3)).astype(np.float32)
        normals /= np.linalg.norm(normals, axis=2, keepdims=True)
        image = np.stack([classes, depth >> 8, depth & 255], 2).astype(np.uint8)
        pictures = dict(rgb=image, masks=classes, depth=depth, normals=encode_normals(normals))
        for name, array in pictures.items():
            Image.fromarray(array).save(folder / name / f"{i}.png")
        cells = [f"{name}/{i}.png" if present else "-" for name, present in zip(pictures, (True, *has), strict=True)]
        lines.append("\t".join(cells) + "\n")
    (folder / "train.txt").write_text("".join(lines))
    (folder / "val.txt").write_text(lines[0] + lines[3])
    return folder


@pytest.fixture(scope="session")
def nyud13_folder(tmp_path_factory, nyud_folder):
    """`nyud_folder` with in-painted depth and intrinsics for `hydranet_nyud13`."""
    folder = tmp_path_factory.mktemp("nyud13") / "data"
    shutil.copytree(nyud_folder, folder)
    shutil.copytree(folder / "depth", folder / "depth_filled")
    (folder / "intrinsics.txt").write_text("".join(f"{i}.png 50 50 32 24\n" for i in range(len(LABELS_OF_LINE))))
    return folder


@pytest.fixture(scope="session")
def camvid_folder(tmp_path_factory):
    """CamVid's layout: 4 training and 2 validation images of 48 × 64 pixels."""
    folder = tmp_path_factory.mktemp("camvid")
    rng = np.random.default_rng(1)
    for split, count in (("train", 4), ("val", 2)):
        for name in (split, f"{split}annot"):
            (folder / name).mkdir()
        for i in range(count):
            classes = np.kron(rng.integers(0, 12, (6, 8)), np.ones((8, 8))).astype(np.uint8)
            Image.fromarray(classes).save(folder / f"{split}annot" / f"{i}.png")
            Image.fromarray(np.repeat(classes[..., None] * 20, 3, 2)).save(folder / split / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def synthrooms_folder(tmp_path_factory):
    """4 training and 2 validation rooms of 48 × 64 pixels."""
    folder = tmp_path_factory.mktemp("synthrooms") / "data"
    prepare_synthrooms(folder, num_train=4, num_val=2, size=SIZE, workers=1, progress=False)
    return folder


@pytest.fixture
def run_tool(monkeypatch, tmp_path):
    """A function that runs a script of tools/ in this process and in `tmp_path`: `run_tool('train', *arguments)`."""

    def run(name, *arguments):
        monkeypatch.chdir(tmp_path)
        path = ROOT / "tools" / f"{name}.py"
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, arguments)])
        spec = importlib.util.spec_from_file_location(f"tool_{name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.main()

    return run


@pytest.fixture(scope="session")
def kitti_folder(tmp_path_factory):
    """The folders `depth` (KITTI raw with annotated depth, 8 frames) and `kitti6` (6 images)."""
    folder = tmp_path_factory.mktemp("kitti")
    for name, write in (("depth", write_kitti), ("kitti6", write_kitti6)):
        (folder / name).mkdir()
        write(folder / name, size=SIZE)
    return folder


@pytest.fixture(scope="session")
def drive_folder(tmp_path_factory, camvid_folder):
    """The folders of the presets in `kitti_drive`: a prepared drive with single scans, CamVid, semantic KITTI."""
    folder = tmp_path_factory.mktemp("drive")
    write_kitti(folder / "official", size=SIZE)
    for split, drive in DRIVES.items():
        (folder / f"{split}.txt").write_text("".join(f"{DATE}/{drive} {frame} l\n" for frame in FRAMES))
    lists = dict(eigen_train=folder / "train.txt", eigen_test=folder / "val.txt")
    prepare_kitti_depth(folder / "official/raw", None, folder / "kitti_drive", lists, workers=1, progress=False)
    write_kitti_semantic(folder / "kitti_semantic", size=SIZE)
    (folder / "camvid").symlink_to(camvid_folder)
    return folder


@pytest.fixture(scope="session")
def cityscapes_folder(tmp_path_factory):
    """Cityscapes' layout, images of 48 × 64 pixels."""
    return write_cityscapes(tmp_path_factory.mktemp("cityscapes"), size=SIZE)


@pytest.fixture(scope="session")
def iddlite_folder(tmp_path_factory):
    """IDD-Lite's layout, images of 48 × 64 pixels."""
    return write_iddlite(tmp_path_factory.mktemp("iddlite"), size=SIZE)


@pytest.fixture(scope="session")
def sevenscenes_folder(tmp_path_factory):
    """Frames of 7-Scenes in their stored size, which the camera belongs to."""
    return write_frames(tmp_path_factory.mktemp("sevenscenes") / "kitchen", size=(480, 640))


@pytest.fixture(scope="session")
def roads_folder(tmp_path_factory, iddlite_folder, camvid_folder, kitti_folder):
    """A folder with `idd_lite`, `camvid`, and `kitti_raw`: drives with laser scans, and lists of frames."""
    folder = tmp_path_factory.mktemp("roads")
    (folder / "idd_lite").symlink_to(iddlite_folder)
    (folder / "camvid").symlink_to(camvid_folder)
    shutil.copytree(kitti_folder / "depth" / "raw", folder / "kitti_raw")
    for name, drive in (("train_files", DRIVES["train"]), ("val_files", DRIVES["val"])):
        lines = (f"{DATE}/{drive} {frame:010d} l\n" for frame in FRAMES)
        (folder / "kitti_raw" / f"{name}.txt").write_text("".join(lines))
    return folder


@pytest.fixture(scope="session")
def nyud_mt_folder(tmp_path_factory):
    """The layout of the archive NYUD_MT, images of 48 × 64 pixels."""
    return write_nyud_mt(tmp_path_factory.mktemp("nyud_mt"))


@pytest.fixture(scope="session")
def pascal_mt_folder(tmp_path_factory):
    """The layout of the archive PASCAL_MT, images of 48 × 64 pixels."""
    return write_pascal_mt(tmp_path_factory.mktemp("pascal_mt"))


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory, nyud_folder, kitti_folder):
    """A folder with `nyud` and `kitti`."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "nyud").symlink_to(nyud_folder)
    (folder / "kitti").symlink_to(kitti_folder)
    return folder


def light(cfg, data_root, work_dir):
    """A preset for a quick run: tiny images, batches of 2 (validation: 1), no workers, one iteration per dataset.

    Presets of several datasets must be loaded with their `data_root`.
    """
    cfg = copy.deepcopy(cfg)
    drop_pretrained(cfg)
    cfg.work_dir, cfg.log_level = str(work_dir), "ERROR"
    cfg.experiment_name = f"tiny_{os.urandom(4).hex()}"  # mmengine keeps one global logger per name
    cfg.data_root = str(data_root)
    cfg.env_cfg.cudnn_benchmark = False
    cfg.default_hooks.logger.interval = 1
    for name, size in (("train_dataloader", 2), ("val_dataloader", 1), ("test_dataloader", 1)):
        loader, parts = cfg[name], innermost_datasets(cfg[name].dataset)
        loader.update(batch_size=size, num_workers=0, persistent_workers=False)
        if loader.sampler.type == "MultiDatasetSampler":
            loader.sampler.update(weights=dict.fromkeys(loader.dataset.datasets, 1), length=2 * len(parts))
            loader.sampler.update(batch_size=2 if loader.sampler.get("batch_size") else None)
        for part in parts:
            if len(parts) == 1 and loader.dataset.type != "MultiDataset":
                part.data_root = str(data_root)
            part.limit = 2 if name == "train_dataloader" else 1
            for transform in part.pipeline:
                if "size" in transform:
                    transform.size = (32, 64)
    cfg.param_scheduler = None
    by_epoch = cfg.train_cfg.get("by_epoch", True)
    cfg.train_cfg = dict(by_epoch=by_epoch, val_interval=1, **{"max_epochs" if by_epoch else "max_iters": 1})
    return cfg


@pytest.fixture
def make_light():
    return light


@pytest.fixture
def capture_log(tmp_path, request):
    """A function that returns what mmengine's current logger wrote in this test."""
    path = tmp_path / "log.txt"
    instances = MMLogger._instance_dict.copy()
    MMLogger.get_instance(request.node.name, log_file=str(path))
    yield lambda: path.read_text()
    for handler in MMLogger.get_current_instance().handlers:
        handler.close()
    MMLogger._instance_dict.clear()
    MMLogger._instance_dict.update(instances)
