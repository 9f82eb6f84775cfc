"""The documentation is correct: its code runs, its commands parse, its files and links exist, and its site builds."""

import argparse
import importlib
import importlib.util
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mtl_plugins.cli.main import COMMANDS
from mtl_plugins.cli.main import main as mtl

from .test_packages import LEVEL_OF

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
PAGES = ("README.md", "CONTRIBUTING.md", *DOCS)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# (\w+\.py)\n")  # the first line of a block that is a complete file
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NARROW = """_base_ = ["{}"]
model = dict(backbone=dict(model_name="mobilenetv3_small_050"), neck=dict(channels=16))
"""
QUIET = {"NO_MKDOCS_2_WARNING": "1"}
OUR_PATH = re.compile(r"(?<![\w/.])(?:mtl_plugins|registry|configs|tools|tests|docs)/[\w./]*")


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page, *languages):
    return [code for language, code in FENCE.findall(read(page)) if language in languages]


def files(page):
    """`{name: text}` of the Python blocks that are complete files."""
    return {match[1]: code for code in blocks(page, "python") if (match := FILE_NAME.match(code))}


def scripts(page):
    """The Python blocks that are not complete files, in their order; together they are one script."""
    return [code for code in blocks(page, "python") if not FILE_NAME.match(code)]


def commands(page):
    """All commands of a page as lists of words: from bash blocks, split at `&&`, and from code spans."""
    prose = FENCE.sub("", read(page))
    spans = re.findall(r"`((?:python|make|mtl|tools/\w+\.sh) [^`]+)`", prose)
    lines = [line for code in blocks(page, "bash") for line in code.replace("\\\n", " ").splitlines()]
    for line in (*lines, *spans):
        line = re.sub(r"^\w+=\S+ ", "", re.sub(r"\$\([^)]*\)", "SUBSTITUTED", line))  # VARIABLE=value python ...
        words = shlex.split(line, comments=True)
        while "&&" in words:
            yield words[: words.index("&&")]
            words = words[words.index("&&") + 1 :]
        if words:
            yield words


def anchors(page):
    """GitHub's anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def target_of(page, path):
    """The target file of a link on a page; a hook of the site generates the pages of the reference."""
    if page.startswith("docs/") and path.startswith("reference/"):
        return ROOT / "docs" / "site_hooks.py"
    return ((ROOT / page).parent / path).resolve()


ALL_COMMANDS = [(page, words) for page in PAGES for words in commands(page)]
PYTHON_COMMANDS = [words for _, words in ALL_COMMANDS if words[0].endswith(("python", "python3"))]
TOOL_COMMANDS = [words for words in PYTHON_COMMANDS if words[1].startswith("tools/")]
SHELL_COMMANDS = [words for _, words in ALL_COMMANDS if words[0].endswith(".sh")]
MTL_COMMANDS = [words for _, words in ALL_COMMANDS if words[0] == "mtl" and words[1] not in ("NAME", "--help")]
MAKE_COMMANDS = [words for _, words in ALL_COMMANDS if words[0] == "make"]


class Parsed(Exception):
    """Raised instead of running a tool after its command line was parsed."""


def parse(call, arguments, monkeypatch):
    """Parse a command line with the parser of the command, which raises SystemExit for invalid options."""
    for name in ("parse_args", "parse_intermixed_args"):
        original = getattr(argparse.ArgumentParser, name)

        def parse_only(parser, *args, original=original, **kwargs):
            raise Parsed(original(parser, *args, **kwargs))

        monkeypatch.setattr(argparse.ArgumentParser, name, parse_only)
    monkeypatch.setattr(sys, "argv", ["command", *arguments])
    with pytest.raises(Parsed) as parsed:
        call()
    return parsed.value.args[0]


def tool_main(tool):
    """`main` of a script in tools/."""
    spec = importlib.util.spec_from_file_location(f"docs_{tool.stem}", tool)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_compile(page):
    for code in blocks(page, "python"):
        compile(code, page, "exec")


def test_commands_and_files_are_found():
    """Ensures that the tests below do not pass for lack of commands and files."""
    assert {"make demo", "make test"} <= {" ".join(words) for words in MAKE_COMMANDS}
    assert {Path(words[1]).stem for words in TOOL_COMMANDS} >= {"train", "test", "predict", "prepare_dataset"}
    assert SHELL_COMMANDS and sum(len(files(page)) for page in PAGES) >= 10


@pytest.mark.parametrize("words", TOOL_COMMANDS, ids=" ".join)
def test_documented_command_lines_of_tools_parse(words, monkeypatch):
    tool = ROOT / words[1]
    assert tool.is_file(), f"{words[1]} does not exist"
    parse(tool_main(tool), words[2:], monkeypatch)


def test_other_documented_scripts_are_files_of_a_page():
    run = {(page, words[1]) for page, words in ALL_COMMANDS if words in PYTHON_COMMANDS and words[1].endswith(".py")}
    own = {(page, script) for page, script in run if not script.startswith("tools/")}
    assert own == {
        (page, f"projects/mine/{name}") for page in PAGES for name in files(page) if name.startswith("make_")
    }


@pytest.mark.parametrize("words", [words for words in MTL_COMMANDS if len(words) > 2], ids=" ".join)
def test_documented_command_lines_of_mtl_parse(words, monkeypatch):
    parse(mtl, words[1:], monkeypatch)


def test_the_commands_page_lists_all_of_mtl_commands():
    assert {words[1] for words in MTL_COMMANDS} == set(COMMANDS)


@pytest.mark.parametrize("words", SHELL_COMMANDS, ids=" ".join)
def test_documented_command_lines_of_launch_scripts_parse(words, monkeypatch):
    script = ROOT / words[0]
    tool, positional = {"dist_train.sh": ("train", 1), "dist_test.sh": ("test", 2)}[script.name]
    assert script.is_file() and f"$here/{tool}.py" in script.read_text()
    assert words[1 + positional].isdigit(), "the number of processes comes after the positional arguments"
    options = words[2 + positional :]
    if "--max-restarts" in options:  # of the script itself
        at = options.index("--max-restarts")
        assert options[at + 1].isdigit()
        del options[at : at + 2]
    rest = words[1 : 1 + positional] + ["--launcher", "pytorch"] + options
    parse(tool_main(ROOT / "tools" / f"{tool}.py"), rest, monkeypatch)


def test_an_unknown_option_fails(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        parse(tool_main(ROOT / "tools" / "train.py"), ["configs/hydranet_nyud.py", "--no-such-option"], monkeypatch)
    assert "--no-such-option" in capsys.readouterr().err


@pytest.mark.parametrize("words", MAKE_COMMANDS, ids=" ".join)
def test_make_targets_exist(words):
    targets = re.findall(r"^([\w.-]+):(?!=)", read("Makefile"), re.MULTILINE)
    assert set(words[1:]) <= set(targets)


def test_commands_without_make_equal_those_of_the_makefile():
    """The tools and options of `make demo`, in their order."""

    def calls(words_of_calls):
        tools = [words for words in words_of_calls if len(words) > 1 and words[1].startswith("tools/")]
        return [(w[1], *(option for option in w if option.startswith("--") and option != "--work-dir")) for w in tools]

    demo = re.search(r"^demo:.*\n((?:\t.*\n)+)", read("Makefile"), re.MULTILINE)[1].replace("\\\n", " ")
    of_make = [shlex.split(re.sub(r"\$+\(\w+\)", "X", line)) for line in demo.splitlines() if "tools/" in line]
    plain = [words for words in commands("docs/quickstart.md") if words[0].startswith(".venv/bin/python")]
    of_make = [[word for word in words if word != "--overwrite"] for words in of_make]  # make demo may run again
    assert calls(plain) == calls(of_make)


@pytest.mark.parametrize("page", PAGES)
def test_named_paths_exist(page):
    """Paths of this repository exist; `projects/mine/` and `data/` are created by the reader."""
    named = {match.rstrip("./") for match in OUR_PATH.findall(read(page))}
    assert not sorted(path for path in named if not (ROOT / path).exists())


@pytest.mark.parametrize("page", PAGES)
def test_link_targets_exist(page):
    lost = []
    for link in LINK.findall(read(page)):
        path, _, anchor = link.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        target = target_of(page, path) if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.relative_to(ROOT))):
            lost.append(link)
    assert not lost


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The built site; a warning fails the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | QUIET)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_loads_nothing_from_other_servers(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loaded = re.findall(
            r'<(?:script|link|img)[^>]*(?:src|href)="(https?://[^"]+)"', page.read_text(encoding="utf-8")
        )
        assert not loaded, f"{page.name} loads {loaded}"


def test_the_reference_documents_every_public_class_and_function(site):
    for package in [path.parent.name for path in (ROOT / "mtl_plugins").glob("*/__init__.py")]:
        module = importlib.import_module(f"mtl_plugins.{package}")
        public = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
        page = (site / "reference" / f"{package}.html").read_text(encoding="utf-8")
        shown = {name.split(".")[-1] for name in re.findall(r'id="(mtl_plugins[\w.]*)"', page)}
        assert shown >= {name for name, value in public.items() if inspect.isroutine(value) or inspect.isclass(value)}
        assert f"reference/{package}.md" in read("mkdocs.yml")


def test_the_architecture_page_lists_the_packages_in_order():
    listed = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", read("docs/architecture.md"), re.MULTILINE)
    assert sorted(listed) == sorted(LEVEL_OF)
    assert [LEVEL_OF[package] for package in listed] == sorted(LEVEL_OF.values())


@pytest.fixture
def projects(tmp_path, monkeypatch):
    """The files of all pages in `projects/mine/`; imports and the working directory are restored."""
    folder = tmp_path / "projects" / "mine"
    folder.mkdir(parents=True)
    for page in PAGES:
        for name, text in files(page).items():
            (folder / name).write_text(text, encoding="utf-8")
    (tmp_path / "configs").symlink_to(ROOT / "configs", target_is_directory=True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """`work_dirs/hydranet_nyud` with a checkpoint of an untrained, narrow network."""
    from mtl_plugins.apis import init_model

    folder = tmp_path_factory.mktemp("work_dirs") / "hydranet_nyud"
    folder.mkdir()
    config = folder / "config.py"
    config.write_text(NARROW.format(ROOT / "configs" / "hydranet_nyud.py"))
    torch.manual_seed(0)
    torch.save({"state_dict": init_model(config).state_dict()}, folder / "epoch_300.pth")
    (folder / "last_checkpoint").write_text(str(folder / "epoch_300.pth"))
    return folder


@pytest.fixture
def workspace(projects, untrained, nyud_folder, tmp_path):
    """A working directory as the pages assume it, with data, a photo and a trained network (a narrow, quick one)."""
    (tmp_path / "configs").unlink()
    (tmp_path / "configs").mkdir()
    for path in (ROOT / "configs").iterdir():
        (tmp_path / "configs" / path.name).symlink_to(path)
    (tmp_path / "configs" / "hydranet_nyud.py").unlink()
    (tmp_path / "configs" / "hydranet_nyud.py").write_text(NARROW.format(ROOT / "configs" / "hydranet_nyud.py"))
    for name, target in (("data/nyud", nyud_folder), ("work_dirs/hydranet_nyud", untrained)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).symlink_to(target, target_is_directory=True)
    (tmp_path / "photos").mkdir()
    Image.open(nyud_folder / "rgb" / "0.png").save(tmp_path / "photos" / "kitchen.jpg")
    return tmp_path


def run_scripts(page):
    """Run the Python blocks of a page one after the other, with the same names; returns these."""
    names = {}
    for code in scripts(page):
        exec(compile(code.replace("480, 640", "64, 96"), page, "exec"), names)  # a smaller image size is faster
    return names


def run_on_synthrooms(script, synthrooms_folder, data_root):
    """Run a script that makes labels for `data/synthrooms`, on a copy of small images."""
    shutil.copytree(synthrooms_folder, data_root)
    exec(compile(script.read_text(encoding="utf-8"), script.name, "exec"), {})


def drop_last_label(data_root, list_file, number):
    """Remove the last cell of a line of a list file."""
    lines = (data_root / list_file).read_text().splitlines()
    lines[number] = lines[number].rpartition("\t")[0]
    (data_root / list_file).write_text("\n".join(lines))


def check_documented_line(page, data_root, list_file):
    """The first line of a list file is the one that the page shows."""
    assert blocks(page, "text")[0] == (data_root / list_file).read_text().splitlines(keepends=True)[0]


@pytest.fixture
def saliency_data(projects, synthrooms_folder):
    """SynthRooms with the labels of the tutorial's script; one training image has none."""
    data = Path("data/synthrooms").absolute()
    run_on_synthrooms(projects / "make_saliency.py", synthrooms_folder, data)
    check_documented_line("docs/tutorials/your_task.md", data, "train_saliency.txt")
    assert (data / "train.txt").read_text() == (synthrooms_folder / "train.txt").read_text()
    drop_last_label(data, "train_saliency.txt", 1)
    return data


@pytest.fixture
def kinds(monkeypatch):
    """Remove the kinds that a test registers."""
    from mtl_plugins.kinds import kind_registry

    for table in ("_KINDS", "_KIND_OF_TASK", "_TITLES"):
        monkeypatch.setattr(kind_registry, table, dict(getattr(kind_registry, table)))


@pytest.fixture
def albedo_data(nyud_folder, tmp_path):
    """NYUDv2's layout with a column of albedo; two training images have none."""
    data = tmp_path / "rooms"
    data.mkdir()
    for name in ("rgb", "masks", "depth", "normals"):
        (data / name).symlink_to(nyud_folder / name, target_is_directory=True)
    (data / "albedo").symlink_to(nyud_folder / "rgb", target_is_directory=True)
    for split in ("train", "val"):
        lines = (nyud_folder / f"{split}.txt").read_text().splitlines()
        names = [Path(line.split("\t")[0]).name for line in lines]
        lines = [
            line if name in ("1.png", "4.png") else f"{line}\talbedo/{name}"
            for line, name in zip(lines, names, strict=True)
        ]
        (data / f"{split}.txt").write_text("\n".join(lines))
    return data


@pytest.fixture
def warehouse_data(tmp_path):
    """The layout of the `Warehouse` example; the second image of each split has no depth."""
    data = tmp_path / "warehouse"
    generator = torch.Generator().manual_seed(0)
    for split in ("train", "val"):
        for name in ("rgb", "semseg", "depth"):
            (data / split / name).mkdir(parents=True)
        for i in range(2):
            pixels = torch.randint(0, 256, (48, 64, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(data / split / "rgb" / f"{i}.png")
            Image.fromarray((pixels[..., 0] % 3).numpy()).save(data / split / "semseg" / f"{i}.png")
            if i == 0:
                depth = (1000 + 10 * pixels[..., 1].int()).to(torch.uint16)
                Image.fromarray(depth.numpy()).save(data / split / "depth" / f"{i}.png")
    return data


def train_and_predict(config, data, tmp_path, make_light, panels=0):
    """One step, one validation, one prediction from the checkpoint; the runner, the metrics, the maps."""
    from mtl_plugins.apis import MultiTaskInferencer, build_runner, load_config

    cfg = make_light(load_config(config), data, tmp_path / "run")
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != "CurvesHook"]  # slow, and tested elsewhere
    cfg.default_hooks.visualization.num_images = panels
    runner = build_runner(cfg)
    before = {name: weight.detach().clone() for name, weight in runner.model.named_parameters()}
    runner.train()
    after = dict(runner.model.named_parameters())
    assert all(weight.isfinite().all() for weight in after.values())
    assert any(not torch.equal(weight, after[name]) for name, weight in before.items())
    checkpoint = Path((tmp_path / "run" / "last_checkpoint").read_text())
    image = runner.train_dataloader.dataset.get_data_info(0)["img_path"]
    maps = MultiTaskInferencer(Config(cfg.to_dict()), checkpoint)(image)
    assert {values.shape[-2:] for values in maps.values() if values.ndim > 1} == {(48, 64)}
    assert len(list((tmp_path / "run" / "panels").glob("*.png"))) == panels
    metrics = {key: runner.message_hub.get_scalar(key).current() for key in runner.message_hub.log_scalars}
    return runner, metrics, maps


def test_the_saliency_example(projects, saliency_data, tmp_path, make_light):
    _, metrics, maps = train_and_predict(
        projects / "hydranet_saliency.py", saliency_data, tmp_path, make_light, panels=1
    )
    assert {"train/saliency.loss_bce", "train/saliency.loss_soft_iou"} <= set(metrics)
    assert 0 <= metrics["val/saliency/mae"] <= 1 and 0 <= metrics["val/saliency/fmeasure"] <= 100
    assert maps["saliency"].shape == (48, 64) and 0 <= maps["saliency"].min() <= maps["saliency"].max() <= 1
    check_saliency_maths()


def test_the_kind_example(projects, albedo_data, tmp_path, make_light, kinds):
    runner, metrics, maps = train_and_predict(
        projects / "hydranet_albedo.py", albedo_data, tmp_path, make_light, panels=1
    )
    assert "train/albedo.loss_bce" in metrics
    assert maps["albedo"].shape == (3, 48, 64) and 0 < maps["albedo"].min() < maps["albedo"].max() < 1
    label = runner.train_dataloader.dataset.read(0)["albedo"]
    pixels = np.asarray(Image.open(albedo_data / "albedo" / "0.png"))
    assert np.array_equal(label.numpy(), pixels.transpose(2, 0, 1).astype(np.float32) / 255)

    from mtl_plugins.apis.map_files import write_map
    from mtl_plugins.engine import Teacher
    from mtl_plugins.kinds import find_kind, task_title

    kind = find_kind("albedo")
    path = write_map("albedo", maps["albedo"], tmp_path, "0", "png")
    assert path.suffix == ".png" and np.abs(kind.read(path).numpy() - maps["albedo"]).max() <= 0.5 / 255 + 1e-6
    scores = torch.rand(1, 3, 5, 7)
    rounded, _ = Teacher(["albedo"], model=runner.model).tasks["albedo"].labels(scores)
    kind.write(tmp_path / "label.png", rounded[0].numpy())
    assert torch.equal(kind.read(tmp_path / "label.png").as_subclass(torch.Tensor), rounded[0])
    assert task_title("albedo") == "albedo"


@pytest.fixture
def scene_data(projects, synthrooms_folder):
    """SynthRooms with the labels of the example's script; one training image has none."""
    data = Path("data/synthrooms").absolute()
    run_on_synthrooms(projects / "make_scene.py", synthrooms_folder, data)
    check_documented_line("CONTRIBUTING.md", data, "train_scene.txt")
    drop_last_label(data, "train_scene.txt", 1)
    return data


def test_the_scene_example(projects, scene_data, tmp_path, make_light):
    """One label per image, from the list file to the exported file."""
    from mtl_plugins.apis import MultiTaskInferencer, export_model, init_model

    runner, metrics, predicted = train_and_predict(
        projects / "hydranet_scene.py", scene_data, tmp_path, make_light, panels=1
    )
    assert "train/scene.loss_scene_ce" in metrics and 0 <= metrics["val/scene/accuracy"] <= 100
    assert predicted["scene"].shape == (1,) and 0 <= predicted["scene"][0] < 3
    cfg, checkpoint = Config(runner.cfg.to_dict()), (tmp_path / "run" / "last_checkpoint").read_text()
    model = init_model(cfg, checkpoint)
    exported = export_model(model, "torch-export", tmp_path / "net", (48, 64), end_to_end=True)
    assert exported.signature.outputs == ("semseg", "depth", "normals", "scene")
    image = runner.train_dataloader.dataset.get_data_info(0)["img_path"]
    from_file = MultiTaskInferencer(cfg, backend=exported.path)(image)
    assert from_file["scene"] == predicted["scene"]
    check_scene_maths()


def check_scene_maths():
    from scene import SceneLoss, SceneMetric

    logits = torch.tensor([[50.0, 0, 0], [0, 50.0, 0], [0, 0, 50.0]], requires_grad=True)
    assert SceneLoss()(logits, torch.tensor([[0], [1], [-1]])).item() == pytest.approx(0)
    nothing = SceneLoss()(logits, torch.full((3, 1), -1))
    nothing.backward()
    assert nothing.item() == 0 and not logits.grad.any()
    metric = SceneMetric()
    results = metric.results_of(torch.tensor([[0], [1], [2]]), torch.tensor([[0], [2], [-1]]))
    assert metric.scores(results) == {"accuracy": 50.0}


def check_saliency_maths():
    from saliency import MySaliencyMetric, SoftIoULoss

    target = torch.tensor([[[[1.0, 0.0], [1.0, float("nan")]]]])
    sure = torch.tensor([[[[50.0, -50.0], [50.0, 50.0]]]], requires_grad=True)
    assert SoftIoULoss()(sure, target).item() == pytest.approx(0, abs=1e-6)  # correct for all labelled pixels
    assert SoftIoULoss()(-sure, target).item() == pytest.approx(1 - 1 / 4)  # empty intersection, union of 3 pixels
    nothing = SoftIoULoss()(sure, torch.full_like(target, float("nan")))
    nothing.backward()
    assert nothing.item() == 0 and not sure.grad.any()

    metric = MySaliencyMetric()
    wanted = torch.tensor([[1.0, 1.0], [0.0, 0.0]])[None, None]
    found = torch.tensor([[0.9, 0.4], [0.6, 0.0]])[None, None]
    scores = metric.scores(metric.results_of(found, wanted))
    assert scores["mae"] == pytest.approx((0.1 + 0.6 + 0.6) / 4)
    precision = recall = 1 / 2
    assert scores["fmeasure"] == pytest.approx(100 * 1.3 * precision * recall / (0.3 * precision + recall))


def test_the_backbone_example(projects, nyud_folder, tmp_path, make_light):
    runner, _, _ = train_and_predict(projects / "hydranet_plain.py", nyud_folder, tmp_path, make_light)
    backbone = runner.model.backbone
    assert type(backbone).__name__ == "PlainBackbone"
    features = backbone(torch.zeros(1, 3, 64, 96))
    assert [feature.shape[1] for feature in features] == list(backbone.out_channels)
    assert [64 // feature.shape[2] for feature in features] == list(backbone.out_strides)


@pytest.mark.parametrize("name, neck", [("mean", "MeanExchange"), ("attention", "CrossTaskAttention")])
def test_the_interaction_examples(name, neck, projects, synthrooms_folder, tmp_path, make_light):
    config = projects / f"hydranet_{name}.py"
    runner, _, maps = train_and_predict(config, synthrooms_folder, tmp_path, make_light)
    assert type(runner.model.neck).__name__ == neck and set(maps) == {"semseg", "depth", "normals"}


def test_the_test_of_the_interaction_example(projects):
    words = "pytest -q -p tests.conftest -p no:cacheprovider -k".split()
    command = [sys.executable, "-m", *words, "declared or missing or pruned", str(projects / "test_mean_exchange.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "4 passed" in done.stdout, done.stdout


def test_the_dataset_example(projects, warehouse_data, tmp_path, make_light):
    runner, metrics, maps = train_and_predict(projects / "hydranet_warehouse.py", warehouse_data, tmp_path, make_light)
    assert set(maps) == {"semseg", "depth"} and maps["semseg"].max() < 3
    assert runner.train_dataloader.dataset.label_counts() == dict(semseg=2, depth=1)
    assert {"val/semseg/mIoU", "val/depth/rmse"} <= set(metrics)


def test_the_recipe_of_the_training_guide(projects, nyud_folder, tmp_path, make_light):
    runner, _, _ = train_and_predict(projects / "my_recipe.py", nyud_folder, tmp_path, make_light)
    assert {"EMAHook", "EarlyStoppingHook"} <= {type(hook).__name__ for hook in runner.hooks}
    assert runner.optim_wrapper._accumulative_counts == 2
    rate = runner.cfg.optim_wrapper.optimizer.lr
    rates = {round(group["lr"] / rate, 6) for group in runner.optim_wrapper.param_groups}
    assert rates == {0.1, 0.05, 1.0}  # the encoder of the recipe, the decoder of the base, and all other parameters
    assert list((tmp_path / "run").glob("best_semseg_mIoU*.pth"))


def test_the_config_for_your_own_data(projects, tmp_path, make_light):
    """`hydranet_mine.py` of the tutorial: three classes, millimetres, NYUDv2's layout."""
    data = tmp_path / "mine"
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, (48, 64)).astype(np.uint8)
    depth = np.full((48, 64), 2500, np.uint16)
    for name, array in dict(rgb=np.stack([60 * classes] * 3, 2), masks=classes, depth=depth).items():
        (data / name).mkdir(parents=True)
        for number in "12":
            Image.fromarray(array).save(data / name / f"{number}.png")
    for split in ("train", "val"):
        (data / f"{split}.txt").write_text("rgb/1.png\tmasks/1.png\tdepth/1.png\nrgb/2.png\t-\tdepth/2.png\n")
    runner, metrics, maps = train_and_predict(projects / "hydranet_mine.py", data, tmp_path, make_light)
    dataset = runner.train_dataloader.dataset
    assert dataset.label_counts() == dict(semseg=1, depth=2, normals=0)
    assert dataset.read(0)["depth"].unique().tolist() == [2.5]
    assert maps["semseg"].max() < 3 and {"val/semseg/mIoU", "val/depth/rmse"} <= set(metrics)


def test_the_tutorial_on_missing_labels(workspace, nyud_folder, make_light, capsys):
    from mtl_plugins.apis import load_config
    from mtl_plugins.registry import DATASETS

    run_scripts("docs/tutorials/missing_labels.md")
    assert "{'semseg': 4, 'depth': 4, 'normals': 4}" in capsys.readouterr().out
    some = load_config("projects/mine/hydranet_some_labels.py").train_dataloader.dataset
    assert DATASETS.build(some).label_counts() == dict(semseg=3, depth=2, normals=4)
    runner, metrics, _ = train_and_predict(
        workspace / "projects" / "mine" / "hydranet_taught.py", nyud_folder, workspace, make_light
    )
    assert [type(hook).__name__ for hook in runner.hooks].count("DistillationHook") == 1
    assert "train/depth.loss_berhu" in metrics


def test_the_tutorial_on_export(workspace):
    pytest.importorskip("onnxruntime")
    names = run_scripts("docs/tutorials/export.md")
    assert names["depth"].shape == (48, 64) and names["depth"].dtype == np.float32
    assert names["outputs"]["semseg"].shape == (1, 1, 48, 64)
    np.testing.assert_allclose(names["outputs"]["depth"][0, 0], names["depth"], atol=1e-5)


def test_the_guide_on_prediction(workspace):
    names = run_scripts("docs/prediction.md")
    assert set(names["maps"]) == {"semseg", "depth"} and names["maps"]["semseg"].shape == (48, 64)
    np.testing.assert_allclose(names["depth"], names["maps"]["depth"], atol=1e-5)
    assert set(names["raw"]) == {"semseg", "depth"}


def test_the_class_map_example():
    names = {}
    exec(scripts("docs/datasets.md")[0], names)
    assert names["labels"].tolist() == [[2, 1], [5, 255]]  # road, building; car, void


def test_the_readme_example(workspace):
    assert set(run_scripts("README.md")["maps"]) == {"semseg", "depth"}


def test_the_comparison_of_two_runs(projects, tmp_path):
    """`compare_losses.py` passes equal logs, with different times and names the first difference."""

    def log(name, loss, time):
        folder = tmp_path / "work_dirs" / name / "20260101_000000" / "vis_data"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f'{{"loss": {value}, "time": {time}, "iter": {i}, "step": {i}}}' for i, value in enumerate(loss, 1)]
        (folder / "scalars.json").write_text("\n".join(lines))

    script = compile((projects / "compare_losses.py").read_text(), "compare_losses.py", "exec")
    log("before", (2.0, 1.5), time=1)
    log("after", (2.0, 1.5), time=2)
    exec(script, {})
    log("after", (2.0, 1.5000001), time=1)
    with pytest.raises(AssertionError, match="iteration 2"):
        exec(script, {})
