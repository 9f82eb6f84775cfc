"""The command that reruns published experiments: what it keeps, runs and prints."""

import json

import pytest

from mtl_plugins.apis.config import find_config
from mtl_plugins.cli import experiments, training_jobs
from mtl_plugins.cli.kitti_drive_stages import AVERAGED, CAMVID_TEACHER

MASKED, BOTH, ALL = "rooms_masked", "rooms_two_teachers", "rooms_ceiling"


def test_every_stage_is_a_preset_and_has_a_baseline():
    for name, stages in experiments.STAGES.items():
        for stage in [*experiments.TEACHERS[name], *stages]:
            folder = experiments.FOLDERS.get(name, "distillation")
            preset = stage if stage == CAMVID_TEACHER else f"{folder}/{stage}"
            assert find_config(preset).is_file()
        assert name in experiments.FOLDERS or experiments.FIRST_JOINT_STAGE[name] in stages[:-1]


def test_the_table_shows_mean_and_standard_deviation():
    scores = {
        "rooms_depth_teacher": [{"depth/rmse": 0.6}],
        MASKED: [{"semseg/mIoU": 10.0, "depth/rmse": 0.7}, {"semseg/mIoU": 12.0, "depth/rmse": 0.8}],
    }
    head, _, teacher, masked = experiments.table(scores).splitlines()
    assert head == "| stage | runs | mIoU % | depth RMSE m |"
    assert teacher == "| rooms_depth_teacher | 1 | – | 0.600 |"
    assert masked == f"| {MASKED} | 2 | 11.0 ± 1.4 | 0.750 ± 0.071 |"


def test_gaps_closed_between_baseline_and_ceiling():
    found = {MASKED: (10, 0.8), BOTH: (25, 0.7), ALL: (30, 0.6)}
    scores = {stage: [{"semseg/mIoU": miou, "depth/rmse": rmse}] for stage, (miou, rmse) in found.items()}
    assert experiments.gaps_closed(scores, [MASKED, BOTH, ALL]) == [
        f"mIoU %: {ALL} - {MASKED} = 20; closed by {BOTH} 75 %",
        f"depth RMSE m: {ALL} - {MASKED} = -0.2; closed by {BOTH} 50 %",
    ]


def test_finished_stages_are_kept_and_others_trained_and_tested(monkeypatch, tmp_path, run_tool, capsys):
    done = dict.fromkeys([*experiments.TEACHERS["rooms"], *(f"{s}_seed0" for s in experiments.STAGES["rooms"])], 1.0)
    for i, folder in enumerate(done):
        (tmp_path / "runs" / folder).mkdir(parents=True)
        (tmp_path / "runs" / folder / "metrics.json").write_text(json.dumps({"semseg/mIoU": 10.0 + i}))
    run_tool("experiments", "rooms", "--seeds", 0, "--work-dirs", "runs", "--json", "scores.json")
    assert "| rooms_ceiling | 1 | 16.0 |" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "scores.json").read_text())) == len(done)
    calls = []

    def run(command, log):
        calls.append(command)
        if command[3] == "test":
            out = command[command.index("--out") + 1]
            (tmp_path / out).write_text('{"semseg/mIoU": 1.0}')
        return 0, None

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training_jobs, "find_checkpoint", lambda folder: "last.pth")
    monkeypatch.setattr(training_jobs, "run_process", run)
    assert experiments.run_stage(MASKED, 3, tmp_path / "new") == {"semseg/mIoU": 1.0}
    assert [call[1:4] for call in calls] == [["-m", "mtl_plugins", command] for command in ("train", "test")]
    assert "--resume" in calls[0] and "randomness.seed=3" in calls[0]
    experiments.run_stage(MASKED, 3, tmp_path / "other", ["model.backbone.pretrained=FILE"])
    for call in calls[2:]:
        assert call[-3:] == ["--cfg-options", "randomness.seed=3", "model.backbone.pretrained=FILE"]


def test_settings_of_all_stages(monkeypatch, tmp_path, run_tool, capsys):
    calls = []

    def run(command, log):
        calls.append(command)
        if command[3] == "test":
            (tmp_path / command[command.index("--out") + 1]).write_text('{"kitti/depth/rmse": 4.0}')
        return 0, None

    monkeypatch.setattr(training_jobs, "find_checkpoint", lambda folder: "last.pth")
    monkeypatch.setattr(training_jobs, "run_process", run)
    run_tool("experiments", "real", "--seeds", 1, "--work-dirs", "runs", "--cfg-options", "data_root=DIR")
    assert calls[0][3:5] == ["train", "real_joint/real_only_depth"] and len(calls) == 10
    settings = [call[call.index("--cfg-options") + 1 :] for call in calls]
    assert all(options == ["randomness.seed=1", "data_root=DIR"] for options in settings[:8])
    for first, *teachers, last in settings[8:]:
        assert (first, last) == ("randomness.seed=1", "data_root=DIR")
        found = [option.partition(".checkpoint=")[2] for option in teachers]
        assert found == ["runs/real_only_camvid", "runs/real_only_depth"]
    printed = capsys.readouterr().out
    assert "| stage | runs | KITTI depth RMSE m |" in printed and "closed by" not in printed


def test_a_failing_stage_raises_with_its_error_and_names_its_log(monkeypatch, tmp_path):
    def fail(command, log):
        log.write(b"a step\nerror: the loss is not finite\n(traceback: file)\n")
        return 1, None

    monkeypatch.setattr(training_jobs, "run_process", fail)
    log = r"see .*console.log. Its last error: the loss is not finite\n.*finished runs are kept"
    with pytest.raises(ValueError, match=f"mtl train failed: {log}"):
        experiments.run_stage(MASKED, 0, tmp_path / "new")


def test_the_stages_on_a_drive_use_labels_of_their_teachers(monkeypatch, tmp_path, run_tool, drive_folder, capsys):
    calls = []

    def run(command, log):
        words = list(map(str, command[3:]))
        calls.append(words)
        if words[0] == "test":
            (tmp_path / words[words.index("--out") + 1]).write_text('{"drive/depth/rmse": 4.0}')
        return 0, None

    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.onnx").touch()
    monkeypatch.setattr(training_jobs, "find_checkpoint", lambda folder: "last.pth")
    monkeypatch.setattr(training_jobs, "run_process", run)
    settings = [f"data_root={drive_folder}", "model.backbone.pretrained=w.pth"]
    options = ["--seeds", 1, "--cityscapes", "net.onnx", "--json", "scores.json"]
    run_tool("experiments", "kitti-drive", *options, "--cfg-options", *settings)
    stages = [*experiments.TEACHERS["kitti-drive"], *experiments.STAGES["kitti-drive"], AVERAGED]
    trained = {words[1].rpartition("/")[2]: words for words in calls if words[0] == "train"}
    assert list(trained) == stages == list(json.loads((tmp_path / "scores.json").read_text()))
    assert (
        f"data_root={drive_folder}/camvid" in trained[CAMVID_TEACHER] and trained[CAMVID_TEACHER][1] == CAMVID_TEACHER
    )
    assert all("model.backbone.pretrained=w.pth" in words for words in trained.values())
    labelled = [words for words in calls if words[0] == "pseudo-label"]
    assert [words[1].rpartition("/")[2] for words in labelled] == stages[-2:]
    teachers = "custom_hooks.{}.teachers.0.average.1.model.file=net.onnx"
    assert any(teachers.format(position) in labelled[1] for position in range(30))
    [files] = [word for word in trained[AVERAGED] if "pseudo_labels=" in word]
    assert files.endswith("kitti_drive/student_averaged_labels/files/drive")
    printed = capsys.readouterr().out
    assert "| student | 1 | – | 4.000 |" in printed and "| (the best constant) | 1 |" in printed


def test_options_of_another_experiment_raise(run_tool, capsys):
    with pytest.raises(SystemExit):
        run_tool("experiments", "rooms", "--cityscapes", "net.onnx")
    assert "--cityscapes is for kitti-drive" in capsys.readouterr().err


def test_a_missing_file_is_found_before_the_first_stage(run_tool, capsys):
    with pytest.raises(SystemExit):
        run_tool("experiments", "kitti-drive", "--cityscapes", "nowhere.onnx")
    assert "--cityscapes nowhere.onnx does not exist" in capsys.readouterr().err


def test_weights_for_teachers_trained_from_scratch_raise(run_tool, capsys):
    with pytest.raises(SystemExit):
        run_tool("experiments", "rooms", "--teacher-weights", "weights.pth")
    assert "the teachers of rooms start from scratch" in capsys.readouterr().err
