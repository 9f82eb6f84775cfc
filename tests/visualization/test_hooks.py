import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement, PixelData
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from mtl_plugins.visualization import CurvesHook, PanelHook, SummaryHook
from mtl_plugins.visualization.sample_picture import _read_if_size, sample_picture

SIZE = (12, 16)
METAINFO = dict(classes=("wall", "floor"), palette=[(200, 20, 20), (20, 200, 20)])


class TinyDataset(Dataset):
    """Images 0 … 5; odd ones have no depth, and two have the same file name."""

    metainfo = METAINFO

    def __len__(self):
        return 6

    def __getitem__(self, index):
        sample = BaseDataElement(
            metainfo=dict(
                img_path=f"drive_{index}/{max(index, 1):03d}.png",
                sample_idx=index,
                ori_shape=SIZE,
                img_shape=SIZE,
            )
        )
        gt = PixelData(semseg=torch.full((1, *SIZE), index % 2, dtype=torch.uint8))
        if index % 2 == 0:
            gt.depth = torch.full((1, *SIZE), 1.0 + index)
        sample.gt = gt
        return dict(inputs=torch.full((3, 6, 8), 40 * index, dtype=torch.uint8), data_samples=sample)


class TinyModel(BaseModel):
    def __init__(self, broken=False):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.broken = broken

    def forward(self, inputs, data_samples, mode="tensor"):
        if mode == "loss":
            return {"semseg.loss_ce": self.weight**2, "depth.loss_berhu": self.weight.abs()}
        for sample in data_samples:
            channels = 0 if self.broken else 1
            sample.pred = PixelData(semseg=torch.zeros(1, *SIZE, dtype=torch.uint8), depth=torch.ones(channels, *SIZE))
        return data_samples


class TinyEvaluator:
    """The methods that the loops call; the mIoU falls after the first validation."""

    dataset_meta = None

    def __init__(self):
        self.count = 0

    def process(self, data_samples, data_batch=None):
        pass

    def evaluate(self, size):
        self.count += 1
        return {"semseg/mIoU": 50.0 - self.count, "depth/rmse": 1.0 / self.count}


def collate(batch):
    return {key: [sample[key] for sample in batch] for key in batch[0]}


@pytest.fixture(autouse=True)
def own_logger():
    yield
    logger = MMLogger.get_current_instance()
    for handler in list(logger.handlers):
        handler.close()
        logger.removeHandler(handler)  # mmengine writes to the current logger's handlers itself


def make_runner(work_dir, hooks, epochs=2, resume=False, broken=False, visualizer="MultiTaskVisualizer", name=None):
    from mmengine.evaluator import Evaluator

    def loader():
        return DataLoader(TinyDataset(), batch_size=2, collate_fn=collate)

    evaluator = Evaluator([])
    tiny = TinyEvaluator()
    evaluator.process, evaluator.evaluate = tiny.process, tiny.evaluate
    return Runner(
        model=TinyModel(broken),
        work_dir=str(work_dir),
        train_dataloader=loader(),
        val_dataloader=loader(),
        test_dataloader=loader(),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        val_cfg=dict(),
        test_cfg=dict(),
        val_evaluator=evaluator,
        test_evaluator=evaluator,
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1)),
        default_hooks=dict(logger=dict(type="LoggerHook", interval=1)),
        custom_hooks=hooks,
        visualizer=dict(type=visualizer, vis_backends=[dict(type="LocalVisBackend")]),
        default_scope="mtl_plugins",
        experiment_name=name or f"{Path(work_dir).parent.name}_{Path(work_dir).name}",
        resume=resume,
    )


def log_text(runner):
    return (Path(runner.log_dir) / f"{runner.timestamp}.log").read_text()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp("run")
    show_dir = work_dir / "show"
    hooks = [
        dict(type="PanelHook", num_images=3, out_dir=str(show_dir)),
        dict(type="CurvesHook", refresh_seconds=0),
        dict(type="SummaryHook"),
    ]
    runner = make_runner(work_dir, hooks)
    runner.train()
    runner.test()
    return runner, work_dir, show_dir


def test_validation_panels(finished):
    _, work_dir, _ = finished
    names = {path.name for path in (work_dir / "panels").iterdir()}
    assert names == {f"{stem}_epoch_{n:03d}.png" for stem in ("001", "001_1", "002") for n in (1, 2)}
    sizes = {Image.open(path).size for path in (work_dir / "panels").iterdir()}
    assert len(sizes) == 1  # the same size with and without a depth label


def test_the_panel_shows_the_datasets_colours(finished):
    _, work_dir, _ = finished
    panel = np.asarray(Image.open(work_dir / "panels" / "001_1_epoch_001.png"))
    for colour in METAINFO["palette"]:
        assert (panel == colour).all(-1).sum() > 1000


def test_a_panel_shows_the_original_image_if_the_input_was_smaller(tmp_path):
    sharp = (np.indices((12, 16)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    Image.fromarray(sharp).save(tmp_path / "a.png")
    seen = torch.full((3, 6, 8), 127, dtype=torch.uint8)
    sample = BaseDataElement(metainfo=dict(img_path=str(tmp_path / "a.png"), ori_shape=SIZE))
    assert np.array_equal(sample_picture(seen, sample), sharp)
    elsewhere = BaseDataElement(metainfo=dict(img_path="", ori_shape=SIZE))
    assert np.array_equal(sample_picture(seen, elsewhere), np.full((*SIZE, 3), 127))
    augmented = BaseDataElement(metainfo=dict(img_path=str(tmp_path / "a.png"), ori_shape=(6, 8)))
    assert np.array_equal(sample_picture(seen, augmented), np.full((6, 8, 3), 127))


def test_all_test_images_are_painted(finished):
    _, _, show_dir = finished
    assert {p.name for p in show_dir.iterdir()} == {f"{s}.png" for s in ("001", "001_1", "002", "003", "004", "005")}


def test_curves_are_saved(finished):
    _, work_dir, _ = finished
    assert min(Image.open(work_dir / "curves.png").size) > 300


def test_the_log_shows_table_remaining_time_and_paths(finished):
    runner, work_dir, show_dir = finished
    text = log_text(runner)
    assert "Validation after epoch 2 of 2" in text
    words = [line.split() for line in text.splitlines()]
    assert ["now", "48.00"] in words and ["best", "49.00"] in words and ["at", "epoch", "1"] in words
    assert any("Epoch(train)" in line and "eta:" in line for line in text.splitlines())
    assert any("Epoch(val)" in line and "eta:" in line for line in text.splitlines())
    assert "validated_iter" not in text  # a number for resuming
    for place in ("epoch_2.pth", "panels", "curves.png"):
        assert str(work_dir / place) in text
    assert f"6 panels are in {show_dir}" in text


def test_a_resumed_run_restores_the_best_scores(tmp_path):
    work_dir = tmp_path / "20250101_000000" / "vis_data"
    work_dir.mkdir(parents=True)
    lines = [{"loss": 1.0, "epoch": 1, "iter": 3, "step": 3}, {"semseg/mIoU": 99.0, "step": 1}]
    lines += [{"loss": 1.0, "epoch": 2, "iter": 6, "step": 6}, {"semseg/mIoU": 100.0, "step": 2}]
    (work_dir / "scalars.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    hook = SummaryHook()
    runner = make_runner(tmp_path, [hook], epochs=3)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner._train_loop._epoch = 1  # as after resuming from epoch 1: the results of epoch 2 are discarded
    hook.before_train(runner)
    assert hook._best == {"semseg/mIoU": (99.0, 1)}


def test_a_failed_picture_is_logged_once_and_training_continues(tmp_path):
    runner = make_runner(tmp_path, [PanelHook()], broken=True)
    runner.train()
    assert runner.epoch == 2
    text = log_text(runner)
    assert text.count("PanelHook could not paint") == 1
    assert not list(tmp_path.glob("panels/*.png"))


def test_mmengines_visualizer_is_supported(tmp_path):
    runner = make_runner(
        tmp_path, [PanelHook(num_images=1, interval=2), CurvesHook()], epochs=3, visualizer="Visualizer"
    )
    runner.train()
    names = {path.name for path in (tmp_path / "panels").iterdir()}
    assert names == {"001_epoch_002.png", "001_epoch_003.png"}


@pytest.mark.parametrize("settings", [dict(num_images=-1), dict(interval=0)])
def test_invalid_settings_raise(settings):
    with pytest.raises(ValueError, match="num_images=.*interval="):
        PanelHook(**settings)


def test_a_picture_read_again_is_turned_as_the_prediction(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "photo.png", exif=exif)
    assert _read_if_size(tmp_path / "photo.png", (6, 4)).shape == (6, 4, 3)
    assert _read_if_size(tmp_path / "photo.png", (4, 6)) is None
    (tmp_path / "damaged.png").write_bytes((tmp_path / "photo.png").read_bytes()[:60])
    assert _read_if_size(tmp_path / "damaged.png", (6, 4)) is None and _read_if_size(None, (6, 4)) is None
