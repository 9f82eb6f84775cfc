"""The documentation is true: its code runs, its commands parse, its configs, files and links exist."""

import argparse
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/datasets.md",
    "docs/distillation.md",
    "docs/performance.md",
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# (\w+\.py)\n")  # the first line of a block that is a whole file
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
OUR_PATH = re.compile(r"(?<![\w/.])(?:mtl_plugins|registry|configs|tools|tests|docs)/[\w./]*")


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page, *languages):
    return [code for language, code in FENCE.findall(read(page)) if language in languages]


def files(page):
    """``{name: text}`` of the Python blocks that are whole files."""
    return {match[1]: code for code in blocks(page, "python") if (match := FILE_NAME.match(code))}


def commands(page):
    """Word lists of all commands of a page: bash blocks, split at ``&&``, and code spans that begin as one."""
    prose = FENCE.sub("", read(page))
    spans = re.findall(r"`((?:python|make|tools/\w+\.sh) [^`]+)`", prose)
    lines = [line for code in blocks(page, "bash") for line in code.replace("\\\n", " ").splitlines()]
    for line in (*lines, *spans):
        line = re.sub(r"\$\([^)]*\)", "SUBSTITUTED", line)
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


ALL_COMMANDS = [(page, words) for page in PAGES for words in commands(page)]
PYTHON_COMMANDS = [words for _, words in ALL_COMMANDS if words[0].endswith(("python", "python3"))]
TOOL_COMMANDS = [words for words in PYTHON_COMMANDS if words[1].endswith(".py")]
SHELL_COMMANDS = [words for _, words in ALL_COMMANDS if words[0].endswith(".sh")]
MAKE_COMMANDS = [words for _, words in ALL_COMMANDS if words[0] == "make"]


class Parsed(Exception):
    """Raised in place of what a tool does after parsing its command line."""


def parse(tool, arguments, monkeypatch):
    """Hand a command line to a tool's own parser; SystemExit where it refuses."""
    original = argparse.ArgumentParser.parse_args

    def parse_only(parser, *args, **kwargs):
        raise Parsed(original(parser, *args, **kwargs))

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
    monkeypatch.setattr(sys, "argv", [str(tool), *arguments])
    spec = importlib.util.spec_from_file_location(f"docs_{tool.stem}", tool)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(Parsed) as answer:
        module.main()
    return answer.value.args[0]


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_compile(page):
    for code in blocks(page, "python"):
        compile(code, page, "exec")


def test_there_are_commands_and_files_to_check():
    """That nothing below passes because nothing was found."""
    assert {"make demo", "make test"} <= {" ".join(words) for words in MAKE_COMMANDS}
    assert {Path(words[1]).stem for words in TOOL_COMMANDS} >= {"train", "test", "predict", "prepare_dataset"}
    assert SHELL_COMMANDS and files("README.md") and len(files("CONTRIBUTING.md")) >= 6


@pytest.mark.parametrize("words", TOOL_COMMANDS, ids=" ".join)
def test_a_tool_takes_its_documented_command_line(words, monkeypatch):
    tool = ROOT / words[1]
    assert tool.is_file(), f"there is no {words[1]}"
    parse(tool, words[2:], monkeypatch)


@pytest.mark.parametrize("words", SHELL_COMMANDS, ids=" ".join)
def test_a_script_hands_on_what_its_tool_takes(words, monkeypatch):
    script = ROOT / words[0]
    tool, positional = {"dist_train.sh": ("train", 1), "dist_test.sh": ("test", 2)}[script.name]
    assert script.is_file() and f"$here/{tool}.py" in script.read_text()
    assert words[1 + positional].isdigit(), "the number of processes comes after the positional arguments"
    rest = words[1 : 1 + positional] + ["--launcher", "pytorch"] + words[2 + positional :]
    parse(ROOT / "tools" / f"{tool}.py", rest, monkeypatch)


def test_a_wrong_option_is_noticed(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        parse(ROOT / "tools" / "train.py", ["configs/hydranet_nyud.py", "--no-such-option"], monkeypatch)
    assert "--no-such-option" in capsys.readouterr().err


@pytest.mark.parametrize("words", MAKE_COMMANDS, ids=" ".join)
def test_make_targets_exist(words):
    targets = re.findall(r"^([\w.-]+):(?!=)", read("Makefile"), re.MULTILINE)
    assert set(words[1:]) <= set(targets)


def test_the_commands_without_make_are_those_of_the_makefile():
    """Tools and options of ``make demo``, in their order."""

    def calls(words_of_calls):
        tools = [words for words in words_of_calls if len(words) > 1 and words[1].startswith("tools/")]
        return [(w[1], *(option for option in w if option.startswith("--") and option != "--work-dir")) for w in tools]

    demo = re.search(r"^demo:.*\n((?:\t.*\n)+)", read("Makefile"), re.MULTILINE)[1].replace("\\\n", " ")
    of_make = [shlex.split(re.sub(r"\$+\(\w+\)", "X", line)) for line in demo.splitlines() if "tools/" in line]
    plain = [words for words in commands("README.md") if words[0].startswith(".venv/bin/python")]
    assert calls(plain) == calls(of_make)


@pytest.mark.parametrize("page", PAGES)
def test_named_paths_exist(page):
    """Whatever looks like a path of ours is one; ``configs/_base_/{models,...}`` is held to its fixed part."""
    named = {match.rstrip("./") for match in OUR_PATH.findall(read(page))}
    # `projects/mine/` and `data/` are the reader's, and do not match
    assert not sorted(path for path in named if not (ROOT / path).exists())


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    lost = []
    for link in LINK.findall(read(page)):
        path, _, anchor = link.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.relative_to(ROOT))):
            lost.append(link)
    assert not lost


@pytest.fixture
def projects(tmp_path, monkeypatch):
    """The pages' files where the pages say that they lie; imports and the working directory are put back."""
    folder = tmp_path / "projects" / "mine"
    folder.mkdir(parents=True)
    for page, place in (("CONTRIBUTING.md", folder), ("README.md", tmp_path)):
        for name, text in files(page).items():
            (place / name).write_text(text, encoding="utf-8")
    (tmp_path / "configs").symlink_to(ROOT / "configs", target_is_directory=True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def saliency_data(nyud_folder, tmp_path):
    """NYUDv2's layout with a column of saliency, which two training images lack."""
    data = tmp_path / "rooms"
    (data / "saliency").mkdir(parents=True)
    for name in ("rgb", "masks", "depth", "normals"):
        (data / name).symlink_to(nyud_folder / name, target_is_directory=True)
    for split in ("train", "val"):
        lines = []
        for line in (nyud_folder / f"{split}.txt").read_text().splitlines():
            name = Path(line.split("\t")[0]).name
            mask = Image.open(nyud_folder / "masks" / name).point([255 if i < 20 else 0 for i in range(256)])
            mask.save(data / "saliency" / name)
            lines.append(line if name in ("1.png", "4.png") else f"{line}\tsaliency/{name}")
        (data / f"{split}.txt").write_text("\n".join(lines))
    return data


@pytest.fixture
def warehouse_data(tmp_path):
    """The layout of the ``Warehouse`` example; the second image of each split lacks depth."""
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
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != "CurvesHook"]  # slow, and not asked here
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
    assert {values.shape[-2:] for values in maps.values()} == {(48, 64)}
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


def check_saliency_maths():
    from saliency import SaliencyMetric, SoftIoULoss

    target = torch.tensor([[[[1.0, 0.0], [1.0, float("nan")]]]])
    sure = torch.tensor([[[[50.0, -50.0], [50.0, 50.0]]]], requires_grad=True)
    assert SoftIoULoss()(sure, target).item() == pytest.approx(0, abs=1e-6)  # right wherever there is a label
    assert SoftIoULoss()(-sure, target).item() == pytest.approx(1 - 1 / 4)  # nothing shared, union 3
    nothing = SoftIoULoss()(sure, torch.full_like(target, float("nan")))
    nothing.backward()
    assert nothing.item() == 0 and not sure.grad.any()

    metric = SaliencyMetric()
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


def test_the_dataset_example(projects, warehouse_data, tmp_path, make_light):
    runner, metrics, maps = train_and_predict(projects / "hydranet_warehouse.py", warehouse_data, tmp_path, make_light)
    assert set(maps) == {"semseg", "depth"} and maps["semseg"].max() < 3
    assert runner.train_dataloader.dataset.label_counts() == dict(semseg=2, depth=1)
    assert {"val/semseg/mIoU", "val/depth/rmse"} <= set(metrics)


def test_the_recipe_of_the_readme(projects, nyud_folder, tmp_path, make_light):
    runner, _, _ = train_and_predict(tmp_path / "my_recipe.py", nyud_folder, tmp_path, make_light)
    assert {"EMAHook", "EarlyStoppingHook"} <= {type(hook).__name__ for hook in runner.hooks}
    assert runner.optim_wrapper._accumulative_counts == 2
    rate = runner.cfg.optim_wrapper.optimizer.lr
    rates = {round(group["lr"] / rate, 6) for group in runner.optim_wrapper.param_groups}
    assert rates == {0.1, 0.05, 1.0}  # the recipe's encoder, the base's decoder, and what is in neither
    assert list((tmp_path / "run").glob("best_semseg_mIoU*.pth"))


def test_the_comparison_of_two_runs(projects, tmp_path):
    """``compare_losses.py`` passes equal logs, whatever the clock says, and names the first difference."""

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
