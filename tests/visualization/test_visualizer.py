import importlib.util

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData
from PIL import Image

from mtl_plugins.kinds import Painted
from mtl_plugins.registry import VISUALIZERS
from mtl_plugins.structures import TaskData
from mtl_plugins.visualization import MultiTaskVisualizer
from mtl_plugins.visualization.task_painters import TASK_PAINTERS


@pytest.fixture
def sample():
    gt = PixelData(depth=torch.linspace(1, 3, 48).reshape(1, 6, 8))
    pred = PixelData(depth=torch.ones(1, 6, 8, dtype=torch.bfloat16), semseg=torch.ones(1, 6, 8, dtype=torch.uint8))
    return BaseDataElement(gt=gt, pred=pred)


def make(tmp_path, name, *backends):
    return VISUALIZERS.build(
        dict(
            type="MultiTaskVisualizer",
            name=name,
            save_dir=str(tmp_path),
            vis_backends=[dict(type=b) for b in backends],
        )
    )


def test_array_and_tensor_images_give_the_same_panel(sample):
    visualizer = MultiTaskVisualizer()
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    from_array = visualizer.draw(image, sample)
    assert (from_array == visualizer.draw(torch.from_numpy(image).permute(2, 0, 1), sample)).all()
    without = visualizer.draw(image, sample, draw_gt=False)
    assert without.shape[0] < from_array.shape[0]
    assert visualizer.draw(image).shape[1] < without.shape[1]


def test_the_panel_is_written_to_the_file_or_the_backends(tmp_path, sample):
    visualizer = make(tmp_path, "files", "LocalVisBackend")
    visualizer.dataset_meta = dict(classes=("a", "b"), palette=[(9, 8, 7), (6, 200, 5)])
    image = np.zeros((6, 8, 3), np.uint8)
    out_file = tmp_path / "new" / "panel.png"
    visualizer.add_datasample("one", image, sample, out_file=out_file)
    assert (np.asarray(Image.open(out_file)) == (6, 200, 5)).all(-1).any()
    folder = tmp_path / "vis_data" / "vis_image"
    assert not folder.exists()
    visualizer.add_datasample("one", image, sample, step=7)
    assert [path.name for path in folder.iterdir()] == ["one_7.png"]


def test_scalars_still_reach_the_backends(tmp_path):
    visualizer = make(tmp_path, "scalars", "LocalVisBackend")
    visualizer.add_scalars({"loss": 1.5}, step=3)
    assert "1.5" in (tmp_path / "vis_data" / "scalars.json").read_text()


def test_tensorboard_gets_scalars_and_panels(tmp_path):
    pytest.importorskip("tensorboard")
    visualizer = make(tmp_path, "board", "LocalVisBackend", "TensorboardVisBackend")
    visualizer.add_scalars({"loss": 1.5}, step=3)
    visualizer.add_image_to_trackers("panels/one", np.zeros((6, 8, 3), np.uint8), step=3)
    visualizer.close()
    assert list((tmp_path / "vis_data").glob("events.out.tfevents*"))
    assert not (tmp_path / "vis_data" / "vis_image").exists()


def test_missing_tensorboard_error_names_the_install_command(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "tensorboard" else find(name, *a))
    with pytest.raises(ImportError, match="pip install tensorboard"):
        make(tmp_path, "no board", "TensorboardVisBackend")


def test_trees_of_maps_are_drawn_by_registered_painters_only(monkeypatch):
    image = np.zeros((32, 48, 3), np.uint8)
    pred = TaskData(people=dict(count=torch.tensor([3]), map=torch.rand(1, 32, 48)), scene=torch.tensor([2]))
    sample = BaseDataElement(pred=pred)
    painter = MultiTaskVisualizer()
    narrow = painter.draw(image, sample)
    monkeypatch.setitem(TASK_PAINTERS, "people", lambda maps, meta: Painted([image + 200 for _ in maps]))
    wide = painter.draw(image, sample)
    assert wide.shape[1] > narrow.shape[1] and (wide == 200).all(-1).any()
