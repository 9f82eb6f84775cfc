"""ONNX files from strangers: nothing outside their folder is read, and every damage is one sentence."""

import re
import sys
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from mtl_plugins.models.foreign import OnnxModel, append_digest, open_onnx
from tests.fuzzing import fuzz, mutations

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT


def network(nodes=None, weight=None, shape=("n", 3, "h", "w"), opsets=()):
    """A 1x1 convolution."""
    weight = weight or onnx.numpy_helper.from_array(np.ones((2, 3, 1, 1), np.float32), "w")
    graph = helper.make_graph(
        nodes or [helper.make_node("Conv", ["images", "w"], ["depth"])],
        "network",
        [helper.make_tensor_value_info("images", FLOAT, shape)],
        [helper.make_tensor_value_info("depth", FLOAT, None)],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), *opsets], ir_version=9)


def external(location, **entries):
    tensor = onnx.TensorProto(name="w", data_type=FLOAT, dims=(2, 3, 1, 1), data_location=onnx.TensorProto.EXTERNAL)
    for key, value in dict(location=location, **entries).items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


@pytest.fixture
def folder(tmp_path):
    """The folder of a model, and a file outside it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(np.ones(6, np.float32).tobytes())
    return folder


@pytest.mark.parametrize("location", ["../secret", "{outside}/secret", "link", "linked/secret", "x/../../secret", ""])
def test_data_outside_the_folder_is_refused(folder, location):
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "linked").symlink_to(folder.parent)
    (folder / "x").mkdir()
    path = folder / "net.onnx"
    onnx.save(network(weight=external(location.format(outside=folder.parent))), path)
    with pytest.raises(ValueError, match="outside its folder|does not exist"):
        open_onnx(path)


def test_data_outside_the_folder_is_refused_in_subgraphs_and_attributes(folder):
    path = folder / "net.onnx"
    constant = helper.make_node("Constant", [], ["c"], value=external("../secret"))
    branch = helper.make_graph([constant], "branch", [], [helper.make_tensor_value_info("c", FLOAT, None)])
    true = onnx.numpy_helper.from_array(np.array(True), "w")
    onnx.save(network([helper.make_node("If", ["w"], ["depth"], then_branch=branch, else_branch=branch)], true), path)
    with pytest.raises(ValueError, match="'../secret', which is outside its folder"):
        open_onnx(path)


def test_data_in_the_folder_is_read(folder):
    path = folder / "net.onnx"
    (folder / "net.data").write_bytes(np.full(6, 2, np.float32).tobytes())
    onnx.save(network(weight=external("net.data", offset=0, length=24)), path)
    [depth] = open_onnx(path).run(None, {"images": np.ones((1, 3, 2, 2), np.float32)})
    assert (depth == 6).all()


@pytest.mark.parametrize(
    "entries, message",
    [
        (dict(length=999), "shorter than the tensor"),
        (dict(offset=10**12), "shorter than the tensor"),
        (dict(offset=-1), "invalid position"),
        (dict(offset="9" * 40), "invalid position"),
    ],
)
def test_wrong_positions_in_a_data_file_are_refused(folder, entries, message):
    (folder / "net.data").write_bytes(bytes(24))
    onnx.save(network(weight=external("net.data", **entries)), folder / "net.onnx")
    with pytest.raises(ValueError, match=message):
        open_onnx(folder / "net.onnx")


def test_a_file_that_needs_onnx_for_its_check_says_so(folder, monkeypatch):
    (folder / "net.data").write_bytes(bytes(24))
    onnx.save(network(weight=external("net.data")), folder / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match="pip install onnx"):
        open_onnx(folder / "net.onnx")


@pytest.mark.parametrize("domain, name", [("com.evil", "Run"), ("", "Run"), ("com.microsoft", "EPContext")])
def test_operators_of_others_are_refused(folder, domain, name):
    node = helper.make_node(name, ["images"], ["depth"], domain=domain, ep_cache_context="evil.so", library="evil.so")
    onnx.save(network([node], opsets=[helper.make_opsetid(domain, 1)] if domain else ()), folder / "net.onnx")
    with pytest.raises(ValueError, match=re.escape(str(folder / "net.onnx"))) as raised:
        open_onnx(folder / "net.onnx")
    assert "\n" not in str(raised.value)


def test_a_tensor_larger_than_its_data_is_refused(folder):
    weight = onnx.TensorProto(name="w", data_type=FLOAT, dims=(10**12, 3, 1, 1), raw_data=bytes(24))
    onnx.save(network(weight=weight), folder / "net.onnx")
    with pytest.raises(ValueError, match="cannot be read by"):
        open_onnx(folder / "net.onnx")


def test_a_teacher_with_other_inputs_or_outputs_is_refused(folder):
    path = folder / "net.onnx"
    onnx.save(network([helper.make_node("ReduceMax", ["images"], ["depth"], keepdims=0)]), path)
    with pytest.raises(ValueError, match=r"has the shape \(\), but a teacher must return maps"):
        OnnxModel(path, dict(depth="metric_depth")).raw(torch.ones(1, 3, 4, 4))
    onnx.save(network(shape=("n", 3)), path)
    with pytest.raises(ValueError, match="takes images|cannot be read"):
        OnnxModel(path, dict(depth="metric_depth"))
    onnx.save(network(shape=("n", 3, "h", "w")), path)
    with pytest.raises(ValueError, match=r"cannot compute images \(1, 4, 4, 4\)"):
        OnnxModel(path, dict(depth="metric_depth")).raw(torch.ones(1, 4, 4, 4))


def test_an_error_without_a_message_is_named_by_its_type(folder):
    onnx.save(network(), folder / "net.onnx")
    model = OnnxModel(folder / "net.onnx", dict(depth="metric_depth"))
    model.session = Mock(run=Mock(side_effect=RuntimeError))
    with pytest.raises(ValueError, match=r"cannot compute images \(1, 3, 4, 4\): RuntimeError$"):
        model.raw(torch.ones(1, 3, 4, 4))


@fuzz(60)
def test_every_damage_is_noticed(folder, trials):
    path = folder / "net.onnx"
    onnx.save(network(), path)
    append_digest(path)
    good = path.read_bytes()
    images = {"images": np.ones((1, 3, 2, 2), np.float32)}
    [wanted] = open_onnx(path).run(None, images)
    for content in mutations(good, trials):
        path.write_bytes(content)
        try:
            session = open_onnx(path)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            assert content.startswith(good) or (session.run(None, images)[0] == wanted).all()
