"""Which checkpoint a run continues from, and what it never overwrites or removes."""

import os
import random
import shutil
from pathlib import Path

import pytest
import torch
from toy_run import ToyDataset, build_runner

from mtl_plugins.engine import find_checkpoint, read_checkpoint
from mtl_plugins.files import remove_temporaries

from ..fuzzing import fuzz

RUN = dict(iters=4, dataset=ToyDataset(20), checkpoint=dict(max_keep_ckpts=3))


def build(folder, **kwargs):
    options = RUN | kwargs
    options["checkpoint"] = RUN["checkpoint"] | kwargs.get("checkpoint", {})
    return build_runner(folder, **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    build(folder).train()
    assert sorted(path.name for path in folder.glob("iter_*")) == ["iter_2.pth", "iter_3.pth", "iter_4.pth"]
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the trained folder, as if it had been moved."""
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    return folder


def content(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.pth")}


def damage(path, how):
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "cut off":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "a bit":
        path.write_bytes(data[:5000] + bytes([data[5000] ^ 4]) + data[5001:])
    elif how == "weights only":
        torch.save({"state_dict": torch.load(path, weights_only=False)["state_dict"]}, path)


@pytest.mark.parametrize("how", ["missing", "cut off", "empty", "a bit", "weights only"])
def test_the_newest_complete_checkpoint_is_found(how, run, capfd):
    damage(run / "iter_4.pth", how)
    assert find_checkpoint(run, resumable=True) == str(run / "iter_3.pth")


@pytest.mark.parametrize(
    "pointer", [None, "", "/elsewhere/iter_4.pth", "iter_4.pth", "C:\\runs\\iter_4.pth", "iter_9.pth", "\0"]
)
def test_the_pointer_need_not_be_right(pointer, run):
    (run / "last_checkpoint").unlink()
    if pointer is not None:
        (run / "last_checkpoint").write_text(pointer)
    assert find_checkpoint(run, resumable=True) == str(run / "iter_4.pth")


def test_a_pointer_that_is_a_pipe_is_not_waited_for(run):
    (run / "last_checkpoint").unlink()
    os.mkfifo(run / "last_checkpoint")
    assert find_checkpoint(run, resumable=True) == str(run / "iter_4.pth")


def test_a_link_that_leads_nowhere_counts_as_missing(run, capfd):
    (run / "last_checkpoint").write_text("iter_4.pth")
    (run / "iter_4.pth").unlink()
    (run / "iter_4.pth").symlink_to(run / "elsewhere.pth")
    assert find_checkpoint(run, resumable=True) == str(run / "iter_3.pth")
    with pytest.raises(FileNotFoundError, match=r"checkpoint not found: .*iter_4.pth; in its folder: .*iter_3.pth"):
        read_checkpoint(run / "iter_4.pth")


def test_resume_next_to_checkpoints_without_the_state_of_a_training(run):
    for path in run.glob("*.pth"):
        path.unlink()
    (run / "last_checkpoint").unlink()
    torch.save(dict(state_dict={}), run / "best_a.pth")
    with pytest.raises(ValueError, match=r"best_a.pth. --resume found none .* --resume PATH, choose another folder"):
        build(run, resume=True).train()


def test_an_old_pointer_does_not_hide_newer_checkpoints(run):
    (run / "last_checkpoint").write_text("iter_2.pth")
    for age, number in enumerate((4, 3, 2)):
        os.utime(run / f"iter_{number}.pth", (1e9 - age, 1e9 - age))
    assert find_checkpoint(run) == str(run / "iter_4.pth")
    os.utime(run / "iter_2.pth", (2e9, 2e9))  # a run that was resumed from an earlier checkpoint
    assert find_checkpoint(run) == str(run / "iter_2.pth")


def test_resume_continues_from_an_earlier_checkpoint_to_the_same_end(run, trained):
    damage(run / "iter_4.pth", "a bit")
    (run / "last_checkpoint").write_text("")
    build(run, resume=True).train()
    weights = read_checkpoint(run / "iter_4.pth")["state_dict"]
    for key, value in read_checkpoint(trained / "iter_4.pth")["state_dict"].items():
        assert torch.equal(value, weights[key])


def test_all_checkpoints_are_damaged(run):
    for path in run.glob("iter_*.pth"):
        damage(path, "cut off")
    before = content(run)
    with pytest.raises(ValueError, match=r"No checkpoint in .* is complete: iter_4.pth \(.*iter_2.pth.*--overwrite"):
        build(run, resume=True).train()
    assert content(run) == before


def test_only_the_pointer_is_left(run):
    for path in run.glob("*.pth"):
        path.unlink()
    with pytest.raises(ValueError, match="last_checkpoint names .*contains no checkpoint.*--resume PATH"):
        build(run, resume=True).train()


def test_a_damaged_path_names_the_newest_complete_checkpoint(run):
    damage(run / "iter_3.pth", "a bit")
    with pytest.raises(ValueError, match=r"iter_3.pth .*damaged.*newest complete checkpoint .*iter_4.pth"):
        build(run, resume=True, load_from=str(run / "iter_3.pth")).train()
    with pytest.raises(ValueError, match=r"not found: .*iter_8.pth.*newest complete checkpoint .*iter_4.pth"):
        build(run, resume=True, load_from=str(run / "iter_8.pth")).train()


@pytest.mark.parametrize("use", ["fresh", "load_from", "resumed elsewhere"])
def test_a_run_does_not_overwrite_the_checkpoints_of_another(use, run, trained):
    before = content(run)
    options = {
        "fresh": {},
        "load_from": dict(load_from=str(trained / "iter_4.pth")),
        "resumed elsewhere": dict(load_from=str(trained / "iter_3.pth"), resume=True),
    }[use]
    with pytest.raises(ValueError, match="checkpoints of another run.*--resume.*--work-dir.*--overwrite"):
        build(run, **options).train()
    assert content(run) == before


def test_resume_if_any_starts_from_load_from_only_in_an_empty_folder(run, trained, tmp_path):
    """`mtl train --resume` of a fine-tuning: the first start loads the weights, the next ones resume."""
    start, loaded = str(trained / "iter_4.pth"), []

    def train(folder, **options):
        runner = build(folder, load_from=start, resume="auto", **options)
        load = runner.load_checkpoint
        runner.load_checkpoint = lambda path, **kwargs: loaded.append(path) or load(path, **kwargs)
        runner.train()
        return runner

    assert train(tmp_path / "fresh", iters=1).iter == 1 and loaded == [start]
    assert train(run).resumed_from == loaded[-1] == str(run / "iter_4.pth")


def test_overwrite_deletes_the_old_checkpoints(run):
    (run / "notes.pth").write_bytes(b"mine")
    (run / "epoch_1.pth").mkdir()
    build(run, iters=1, checkpoint=dict(overwrite=True)).train()
    assert (run / "notes.pth").read_bytes() == b"mine" and (run / "epoch_1.pth").is_dir()
    assert {path.name for path in run.glob("iter_*")} == {"iter_1.pth"}
    with pytest.raises(ValueError, match="--overwrite would delete .*iter_1.pth"):
        build(run, load_from=str(run / "iter_1.pth"), checkpoint=dict(overwrite=True)).train()


def test_a_complete_training_ends_well(run, caplog):
    before = content(run)
    runner = build(run, resume=True)
    runner.logger.setLevel("INFO")
    logged = []
    runner.logger.info = logged.append
    runner.train()
    assert any("already complete: 4 of 4 iterations" in line for line in logged)
    assert content(run) == before


def test_a_checkpoint_removes_only_files_of_its_run(run, tmp_path):
    victims = [tmp_path / "folder", run / "sub", run / "notes.txt", tmp_path / "iter_1.pth", run / "epoch_7.pth"]
    for path in victims:
        if path.suffix in ("", ".pth") and path.name != "iter_1.pth":
            path.mkdir()
            (path / "file").touch()
        else:
            path.touch()
    link = run / "iter_77.pth"
    link.symlink_to(tmp_path / "iter_1.pth")
    checkpoint = read_checkpoint(run / "iter_3.pth")
    info = checkpoint["message_hub"]["runtime_info"]
    names = [
        "../folder",
        str(tmp_path / "folder"),
        "sub",
        "notes.txt",
        "../iter_1.pth",
        "epoch_7.pth",
        "iter_77.pth",
        "",
    ]
    info.update(stale_ckpts=[*names, "iter_2.pth"], best_ckpt="../folder", last_ckpt=str(tmp_path / "iter_1.pth"))
    info.update(keep_ckpt_ids=[7, 77, 1, 2, 3], interim_ckpt="../iter_1.pth", best_score=1e9)
    torch.save(checkpoint, run / "iter_3.pth")
    build(run, resume=True, load_from=str(run / "iter_3.pth")).train()
    assert all(path.exists() for path in victims) and link.is_symlink()
    assert (tmp_path / "folder" / "file").exists() and not (run / "iter_2.pth").exists()


def test_partial_files_that_are_links_or_folders_stay(tmp_path):
    (tmp_path / "target").touch()
    (tmp_path / ".saving-1-a").touch()
    (tmp_path / ".saving-2-b").symlink_to(tmp_path / "target")
    (tmp_path / ".saving-3-c").mkdir()
    assert remove_temporaries(tmp_path) == [".saving-1-a"]
    assert {path.name for path in tmp_path.iterdir()} == {"target", ".saving-2-b", ".saving-3-c"}


@fuzz(short=60, long=500)
def test_every_flipped_bit_is_noticed(trials, trained, tmp_path):
    data, generator = bytearray((trained / "iter_4.pth").read_bytes()), random.Random(0)
    path = tmp_path / "a.pth"
    for _ in range(trials):
        bit = generator.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.pth .* is not a complete checkpoint"):
            read_checkpoint(path)
        data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    read_checkpoint(path)


def test_the_checksum_survives_copies_and_can_be_skipped(trained, tmp_path, monkeypatch):
    path = Path(shutil.copy(trained / "iter_4.pth", tmp_path / "b.pth"))
    read_checkpoint(path)
    torch.load(path, weights_only=False)  # any reader accepts the file
    damage(path, "a bit")
    with pytest.raises(ValueError, match="checksum"):
        read_checkpoint(path)
    read_checkpoint(path, verify=False)
    monkeypatch.setenv("MTL_VERIFY_CHECKPOINTS", "0")
    read_checkpoint(path)


@fuzz(short=40, long=500)
def test_flipped_bits_in_the_weights_of_a_file_of_others_are_noticed(trials, tmp_path):
    path, generator = tmp_path / "other.pth", random.Random(0)
    torch.save({"weight": torch.arange(4000.0)}, path)
    data = bytearray(path.read_bytes())
    start = bytes(data).index(torch.arange(4000.0).numpy().tobytes())
    for _ in range(trials):
        at = start + generator.randrange(16000)
        data[at] ^= 1
        path.write_bytes(data)
        with pytest.raises(ValueError, match="the checksum of its part .* is wrong"):
            read_checkpoint(path)
        data[at] ^= 1
