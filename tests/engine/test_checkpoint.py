import io
import os
import pickle
import threading
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from safetensors.torch import save_file
from torch import nn
from toy_run import ToyModel, build_runner

from mtl_plugins.engine import (
    MultiTaskRunner,
    compare_state_dicts,
    extract_state_dict,
    load_weights,
    read_checkpoint,
    safe_loaders,
)
from mtl_plugins.engine.checkpoint import checkpoint_bytes

from ..prepare.file_server import serve


def model(width=4):
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width))


def test_mmengines_further_contents_are_read(tmp_path):
    path = tmp_path / "a.pth"
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    info = dict(best=np.float64(0.5), count=np.int64(3), flag=np.bool_(True), names=("a", "b"), x=np.arange(3.0))
    torch.save(dict(state_dict=model().state_dict(), message_hub=dict(loss=buffer, info=info)), path)
    hub = read_checkpoint(path)["message_hub"]
    assert hub["loss"].mean() == 1.5
    np.testing.assert_array_equal(hub["info"].pop("x"), info.pop("x"))
    assert hub["info"] == info


class Hostile:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


HOSTILE = {
    "os.system": lambda target: Hostile(os.system, f"touch {target}"),
    "open": lambda target: Hostile(open, str(target), "w"),
    "getattr": lambda target: Hostile(getattr, HistoryBuffer, "__init__"),
    "exec": lambda target: Hostile(exec, f"open({str(target)!r}, 'w')"),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("raw", [False, True], ids=["zip", "raw pickle"])
def test_a_hostile_pickle_raises_and_is_not_executed(kind, raw, tmp_path):
    path, target = tmp_path / "hostile.pth", tmp_path / "was_here"
    content = dict(state_dict=dict(weight=torch.zeros(2)), trap=HOSTILE[kind](target))
    if raw:
        path.write_bytes(pickle.dumps(content["trap"], protocol=2))
    else:
        torch.save(content, path)
    for read in (read_checkpoint, CheckpointLoader.load_checkpoint, lambda p: load_weights(model(), p)):
        with safe_loaders(), pytest.raises(ValueError, match="refused to read .*hostile.pth.*Nothing was executed"):
            read(str(path))
    assert not target.exists()


def test_the_hostile_pickle_is_harmful_without_protection(tmp_path):
    target = tmp_path / "was_here"
    pickle.loads(pickle.dumps(HOSTILE["exec"](target)))
    assert target.exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file(share, tmp_path):
    complete = io.BytesIO()
    torch.save(dict(state_dict=model(64).state_dict()), complete)
    path = tmp_path / "truncated.pth"
    path.write_bytes(complete.getvalue()[: int(len(complete.getvalue()) * share)])
    torch.save({}, tmp_path / "epoch_1.pth")
    with pytest.raises(ValueError, match="truncated.pth.*not a complete checkpoint.*epoch_1.pth"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [b"hello\n", b"no pickle at all", b"\x89PNG\r\n", b"PK\x03\x04", b"\x80\x02}."])
def test_a_file_of_another_format(content, tmp_path):
    (tmp_path / "x.pth").write_bytes(content)
    message = r"x\.pth \(\d+ bytes\) is not a complete checkpoint: .* another kind of file.*\. Copy it .* checkpoint\.$"
    with pytest.raises(ValueError, match=message):
        read_checkpoint(tmp_path / "x.pth")


def test_missing_file_error_names_existing_checkpoints(tmp_path):
    torch.save({}, tmp_path / "epoch_3.pth")
    with pytest.raises(FileNotFoundError, match="checkpoint not found: .*epoch_9.pth.*epoch_3.pth"):
        read_checkpoint(tmp_path / "epoch_9.pth")


def test_a_folder_is_refused_and_its_last_checkpoint_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder, not a checkpoint: give the path of a .pth file"):
        read_checkpoint(tmp_path)
    for age, name in enumerate(["epoch_10.pth", "epoch_9.pth"]):
        torch.save({}, tmp_path / name)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    with pytest.raises(IsADirectoryError, match=r"is a folder, not a checkpoint: .*/epoch_10\.pth\.$"):
        read_checkpoint(tmp_path)


def test_files_without_dict_or_weights_raise(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    with pytest.raises(ValueError, match="tensor.pth contains a Tensor"):
        read_checkpoint(tmp_path / "tensor.pth")
    torch.save(dict(epoch=3), tmp_path / "no_weights.pth")
    with pytest.raises(ValueError, match="no weights.*epoch"):
        load_weights(model(), tmp_path / "no_weights.pth")


def test_safetensors_files_are_read(tmp_path):
    state = model().state_dict()
    save_file(state, tmp_path / "a.safetensors")
    found = read_checkpoint(tmp_path / "a.safetensors")["state_dict"]
    assert found.keys() == state.keys() and all(torch.equal(found[name], value) for name, value in state.items())


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: pickle.dumps({"a": 1})])
def test_incomplete_and_foreign_safetensors_files(tmp_path, damage):
    path = tmp_path / "a.safetensors"
    save_file(model().state_dict(), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="a.safetensors is not a complete safetensors file"):
        read_checkpoint(path)


def test_other_url_schemes_are_not_read():
    before = dict(CheckpointLoader._schemes)
    with safe_loaders(), pytest.raises(ValueError, match="Give the path of a file"):
        CheckpointLoader.load_checkpoint("torchvision://resnet18")
    assert dict(CheckpointLoader._schemes) == before


def test_the_table_of_loaders_survives_overlapping_threads():
    before, inside, leave = CheckpointLoader._schemes, threading.Event(), threading.Event()

    def first():
        with safe_loaders():
            inside.set()
            leave.wait()

    def second():
        with safe_loaders():
            pass

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    inside.wait()
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join()
    with safe_loaders(), safe_loaders():  # one thread may nest
        assert CheckpointLoader._schemes is not before
    assert CheckpointLoader._schemes is before


def test_the_runner_refuses_code_when_resuming_or_initialising_weights(tmp_path):
    target = tmp_path / "was_here"
    torch.save(dict(state_dict={}, trap=HOSTILE["exec"](target)), tmp_path / "hostile.pth")
    runner = MultiTaskRunner(model=ToyModel(), work_dir=str(tmp_path), log_level="ERROR")
    with pytest.raises(ValueError, match="refused to read"):
        runner.resume(str(tmp_path / "hostile.pth"))
    runner.model.init_cfg = dict(type="Pretrained", checkpoint=str(tmp_path / "hostile.pth"))
    with pytest.raises(ValueError, match="refused to read"):
        runner._init_model_weights()
    assert not target.exists()


@pytest.mark.parametrize("wrap", ["bare", "state_dict", "module", "path"])
def test_load_weights_accepts_every_usual_form(wrap, tmp_path):
    source, target = model(), model()
    state = source.state_dict()
    if wrap == "module":
        state = OrderedDict((f"module.{key}", value) for key, value in state.items())
    checkpoint = state if wrap == "bare" else dict(state_dict=state)
    if wrap == "path":
        torch.save(checkpoint, tmp_path / "a.pth")
        checkpoint = tmp_path / "a.pth"
    assert not load_weights(target, checkpoint)
    for key, value in source.state_dict().items():
        torch.testing.assert_close(target.state_dict()[key], value, rtol=0, atol=0)


def test_weights_of_another_model_raise_and_name_the_keys(tmp_path):
    state = model(6).state_dict()
    state["head.weight"] = state.pop("1.running_mean")
    torch.save(dict(state_dict=state), tmp_path / "other.pth")
    target = model()
    before = {key: value.clone() for key, value in target.state_dict().items()}
    with pytest.raises(ValueError) as caught:
        load_weights(target, tmp_path / "other.pth")
    message = str(caught.value)
    for part in (
        "other.pth belongs to another model",
        "missing in the file: 1 (1.running_mean)",
        "unexpected in the file: 1 (head.weight)",
        "of another shape: 5 (0.weight: file (6, 3), model (4, 3)",
        "mtl convert",
        "strict=False",
    ):
        assert part in message
    for key, value in target.state_dict().items():
        assert torch.equal(value, before[key])


def test_without_strict_matching_weights_are_loaded():
    source, target = model(), model()
    state = source.state_dict()
    state["0.weight"] = torch.zeros(9, 9)
    kept = target[0].weight.clone()
    difference = load_weights(target, state, strict=False)
    assert difference == ([], [], ["0.weight"])
    assert torch.equal(target[0].weight, kept) and torch.equal(target[0].bias, source[0].bias)


def test_num_batches_tracked_may_be_missing():
    state = model().state_dict()
    wanted = dict(state)
    del state["1.num_batches_tracked"]
    assert not compare_state_dicts(wanted, state)


def test_averaged_weights_are_read_from_an_ema_checkpoint(tmp_path):
    runner = build_runner(tmp_path, epochs=1, hooks=[dict(type="EMAHook")])
    runner.train()
    ema = next(hook for hook in runner.hooks if isinstance(hook, EMAHook)).ema_model.module
    state = extract_state_dict(read_checkpoint(tmp_path / "epoch_1.pth"))
    assert torch.equal(state["stem.0.weight"], ema.stem[0].weight)
    assert not torch.equal(state["stem.0.weight"], runner.model.stem[0].weight)
    load_weights(ToyModel(), tmp_path / "epoch_1.pth")


def spoilt(value, kind):
    """`value` as it must not be in a checkpoint."""
    if kind == "nan":
        return torch.full_like(value, torch.nan)
    if kind == "inf":
        return torch.full_like(value, torch.inf)
    if kind == "complex":
        return value.to(torch.complex64)
    if kind == "integers":
        return value.long()
    if kind == "too large":
        return torch.full_like(value, 1e300, dtype=torch.float64)
    if kind == "quantized":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecated, but such files exist
            return torch.quantize_per_tensor(value, 0.1, 0, torch.qint8)
    if kind == "sparse":
        return value.to_sparse()
    if kind == "meta":
        return value.to("meta")
    if kind == "shared memory":
        return value[:1, :1].clone().expand(value.shape)
    return value.tolist()


def test_negative_variances_are_named(tmp_path):
    norm = torch.nn.BatchNorm2d(3)
    state = norm.state_dict() | dict(running_var=torch.tensor([1.0, -1.0, 1.0]))
    torch.save(dict(state_dict=state), tmp_path / "negative.pth")
    with pytest.raises(ValueError, match="negative.pth: .*running_var: variances are negative"):
        load_weights(norm, tmp_path / "negative.pth")
    assert torch.equal(norm.running_var, torch.ones(3))


SPOILT = {
    **{kind: "values are NaN or infinite" for kind in ("inf", "too large")},
    "nan": "NaN",
    **{"complex": "it is complex", "integers": "it has the type int64, the model float32"},
    **{"quantized": "it is quantized", "sparse": "it is sparse", "shared memory": "its elements share memory"},
    **{"meta": "it has no values", "list": "a list"},
}


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants", "ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("kind", SPOILT)
def test_weights_that_cannot_be_computed_with_are_named(kind, tmp_path):
    state = ToyModel().state_dict()
    state["stem.0.weight"] = spoilt(state["stem.0.weight"], kind)
    torch.save(dict(state_dict=state), tmp_path / "spoilt.pth")
    message = f"spoilt.pth.*stem.0.weight.*{SPOILT[kind]}" if kind != "list" else "spoilt.pth"
    target = ToyModel()
    before = {key: value.clone() for key, value in target.state_dict().items()}
    for strict in (True, False):
        if kind != "list" or strict:
            with pytest.raises(ValueError, match=message):
                load_weights(target, tmp_path / "spoilt.pth", strict=strict)
    runner = build_runner(tmp_path / "run", load_from=str(tmp_path / "spoilt.pth"))
    with pytest.raises(ValueError, match=message.replace(".*stem", "[^$]*stem")):
        runner.load_or_resume()
    assert all(torch.equal(value, before[key]) for key, value in target.state_dict().items())


def test_a_non_finite_buffer_of_the_model_itself_is_accepted():
    own = nn.Linear(2, 2)
    own.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    assert not load_weights(own, own.state_dict())


def test_checkpoints_of_equal_names_at_different_addresses_are_different_files(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    for value in (1.0, 2.0):
        content = checkpoint_bytes(dict(state_dict=dict(weight=torch.full((3,), value))))
        with serve(content, "epoch_1.pth") as server:
            read = [read_checkpoint(server.url), read_checkpoint(server.url)]
            assert len(server.requests) == 1, "the second one reads the file"
        assert all(checkpoint["state_dict"]["weight"].tolist() == [value] * 3 for checkpoint in read)
        with safe_loaders():
            assert CheckpointLoader.load_checkpoint(server.url)["state_dict"]["weight"][0] == value
