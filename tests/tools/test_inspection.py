"""Commands that look at configs, data, networks and scores before and after a training."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mtl_plugins.apis import init_model
from mtl_plugins.benchmark import count_flops
from mtl_plugins.benchmark.part_costs import part_costs
from mtl_plugins.engine import read_config
from mtl_plugins.visualization.panel import EMPTY_TILE

TINY = ("model.backbone.model_name=test_efficientnet", "model.backbone.pretrained=False", "model.neck.channels=8")
SERIAL = ("test_dataloader.num_workers=0", "test_dataloader.persistent_workers=False")


@pytest.fixture
def data(nyud_folder):
    return f"data_root={nyud_folder}"


class TestPrintConfig:
    def test_a_setting_with_options(self, root, run_tool, capsys):
        config = root / "configs/hydranet_nyud.py"
        run_tool("print_config", config, "--key", "model.neck", "--cfg-options", "model.neck.channels=8")
        assert "channels=8" in capsys.readouterr().out

    def test_the_file_needs_no_bases(self, root, run_tool, tmp_path, capsys):
        run_tool("print_config", root / "configs/hydranet_nyud.py", "--out", "all.py")
        text = (tmp_path / "all.py").read_text()
        assert capsys.readouterr().out == text and "_base_" not in text
        assert read_config(tmp_path / "all.py").model.type == "MultiTaskModel"

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("model.hads", "model has no setting 'hads'; did you mean 'heads'"),
            ("model.type.x", "model.type is 'MultiTaskModel', which has no settings"),
            ("custom_hooks.99", "custom_hooks is a list of"),
        ],
    )
    def test_unknown_settings(self, root, run_tool, key, message):
        with pytest.raises(ValueError, match=message):
            run_tool("print_config", root / "configs/hydranet_nyud.py", "--key", key)


class TestFlops:
    def test_parts_add_up_to_the_network(self, root):
        torch.manual_seed(0)
        options = dict(pair.split("=") for pair in TINY[:1]) | {"model.backbone.pretrained": False}
        model = init_model(root / "configs/hydranet_nyud_three.py", cfg_options=options)
        images = torch.zeros(1, 3, 48, 64)
        costs = {row.name: row for row in part_costs(model, images)}
        parts = [row for name, row in costs.items() if name in ("backbone", "neck") or name.startswith("head ")]
        total = costs["total"]
        assert len(parts) == 5
        assert sum(row.parameters for row in parts) == total.parameters == sum(p.numel() for p in model.parameters())
        assert sum(row.flops for row in parts) == total.flops == count_flops(model, images)
        without = costs["head semseg"].flops + costs["head normals"].flops
        assert costs["only depth"].flops == total.flops - without

    def test_the_command(self, root, run_tool, tmp_path, capsys):
        config = root / "configs/hydranet_nyud.py"
        run_tool("flops", config, "--size", "32", "64", "--json", "costs.json", "--cfg-options", *TINY)
        assert "one image of 32x64" in capsys.readouterr().out
        written = json.loads((tmp_path / "costs.json").read_text())
        assert written["size"] == [32, 64] and {"name", "parameters", "flops"} == set(written["parts"][0])


class TestBrowse:
    def test_pictures_of_the_training_pipeline(self, root, run_tool, data, tmp_path, capsys):
        config = root / "configs/hydranet_nyud_three.py"
        run_tool("browse", config, "--out", "shown", "--cfg-options", *TINY, data)
        text = capsys.readouterr().out
        pictures = sorted((tmp_path / "shown").iterdir())
        assert len(pictures) == 6 and "6 images" in text and "no label of" in text
        unlabelled = next(line.split()[0] for line in text.splitlines() if "no label of" in line)
        panel = np.asarray(Image.open(tmp_path / "shown" / f"{int(unlabelled):06d}_{unlabelled}.png"))
        assert (panel == EMPTY_TILE).all(-1).mean() > 0.05

    def test_the_seed_decides_the_augmentation(self, root, run_tool, data, tmp_path):
        for name, seed in (("a", 0), ("b", 0), ("c", 1)):
            arguments = ("--index", "0", "--seed", seed, "--out", name)
            run_tool("browse", root / "configs/hydranet_nyud_three.py", *arguments, "--cfg-options", *TINY, data)
        a, b, c = ((tmp_path / name / "000000_0.png").read_bytes() for name in "abc")
        assert a == b != c

    def test_an_index_that_does_not_exist(self, root, run_tool, data):
        with pytest.raises(ValueError, match=r"--index 6: the train set has 6 images, 0 to 5"):
            run_tool("browse", root / "configs/hydranet_nyud.py", "--index", "6", "--cfg-options", *TINY, data)


class TestVerifyData:
    def test_correct_data(self, root, run_tool, data, tmp_path, capsys):
        config = root / "configs/hydranet_nyud_three.py"
        run_tool("verify_data", config, "--workers", "1", "--out", "found.json", "--cfg-options", *TINY, data)
        text = capsys.readouterr().out
        assert "train set: 6 images" in text and "test set: the same files as before" in text
        found = json.loads((tmp_path / "found.json").read_text())
        labels = found["train set"]["labels"]["depth"]
        assert 0 < labels["images"] < 6 and 0 < labels["valid_share"] < 1 and not found["train set"]["unreadable"]

    def test_damaged_missing_and_implausible_files_are_listed(self, root, run_tool, nyud_folder, tmp_path, capsys):
        folder = tmp_path / "nyud"
        shutil.copytree(nyud_folder, folder)
        (folder / "rgb/1.png").write_bytes((folder / "rgb/1.png").read_bytes()[:200])
        (folder / "rgb/2.png").unlink()
        Image.fromarray(np.full((48, 64), 77, np.uint8)).save(folder / "masks/0.png")
        arguments = ("--phase", "train", "--workers", "1", "--cfg-options", *TINY, f"data_root={folder}")
        with pytest.raises(ValueError, match="2 of 6 images cannot be read|3 of 6 images cannot be read"):
            run_tool("verify_data", root / "configs/hydranet_nyud_three.py", *arguments)
        text = capsys.readouterr().out
        assert "rgb/1.png" in text and "rgb/2.png" in text and "masks/0.png" in text


class TestWorst:
    @pytest.fixture(scope="class")
    def checkpoint(self, root, tmp_path_factory):
        torch.manual_seed(0)
        options = {"model.backbone.model_name": "test_efficientnet", "model.neck.channels": 8}
        model = init_model(root / "configs/hydranet_nyud.py", cfg_options=options)
        path = tmp_path_factory.mktemp("worst") / "two.pth"
        torch.save({"state_dict": model.state_dict()}, path)
        return path

    def test_the_worst_image_of_each_task(self, root, run_tool, checkpoint, data, tmp_path):
        arguments = ("--number", "1", "--out", "worst", "--cfg-options", *TINY, *SERIAL, data)
        run_tool("worst", root / "configs/hydranet_nyud.py", checkpoint, *arguments)
        listed = json.loads((tmp_path / "worst/worst.json").read_text())
        assert set(listed) == {"semseg/mIoU", "depth/rmse"} and all(len(rows) == 1 for rows in listed.values())
        run_tool("worst", root / "configs/hydranet_nyud.py", checkpoint, "--out", "all", *arguments[4:])
        complete = json.loads((tmp_path / "all/worst.json").read_text())
        values = [row["value"] for row in complete["depth/rmse"]]
        assert len(values) == 2 and values == sorted(values, reverse=True)
        assert listed["depth/rmse"][0]["value"] == values[0]
        classes = [row["value"] for row in complete["semseg/mIoU"]]
        assert classes == sorted(classes) and listed["semseg/mIoU"][0]["value"] == classes[0]
        assert all((tmp_path / row["picture"]).is_file() for row in complete["depth/rmse"])

    def test_an_unknown_metric(self, root, run_tool, checkpoint, data):
        arguments = ("--metrics", "depth/rsme", "--cfg-options", *TINY, *SERIAL, data)
        with pytest.raises(ValueError, match=r"no metric 'depth/rsme'; did you mean 'depth/rmse'"):
            run_tool("worst", root / "configs/hydranet_nyud.py", checkpoint, *arguments)
