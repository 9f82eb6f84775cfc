"""Exported files: complete or absent, compared with PyTorch, and clear messages on errors."""

import errno
import json

import numpy as np
import pytest
import torch

from mtl_plugins.apis import init_model
from mtl_plugins.apis.export import TOLERANCE, describe, difference, export_model
from mtl_plugins.backends import FORMATS, load_backend

SIZE = (48, 64)


def small(preset="hydranet_nyud_three", backbone="test_resnet", **options):
    torch.manual_seed(0)
    options = {"model.backbone.model_name": backbone, "model.neck.channels": 8, "model.neck.crp_stages": 1, **options}
    return init_model(preset, cfg_options=options)


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.mark.parametrize("format", FORMATS)
def test_an_end_to_end_network_is_exported_to_each_format(model, format, tmp_path):
    if not FORMATS[format].is_available():
        pytest.skip(f"the libraries of {format} are not installed")
    exported = export_model(model, format, tmp_path / "new" / "net", SIZE, end_to_end=True)
    assert exported.path == tmp_path / "new" / f"net{FORMATS[format].suffix}"
    assert exported.signature.shape == (None, None, None) and exported.reason == ""
    assert list(exported.differences) == [(1, 48, 64), (3, 85, 77)]
    assert all(worst <= TOLERANCE for found in exported.differences.values() for worst in found.values())
    left = {path.name for path in exported.path.parent.iterdir()}
    assert left == {"net.xml", "net.bin"} if format == "openvino" else left == {exported.path.name}
    # what a program gets without our code
    pictures = torch.randint(256, (2, 3, 50, 71), dtype=torch.uint8)
    predicted = load_backend(exported.path)(pictures)
    assert predicted["semseg"].shape == (2, 1, 50, 71) and predicted["semseg"].dtype == torch.uint8
    assert predicted["depth"].shape == (2, 1, 50, 71) and (predicted["depth"] >= 0).all()
    torch.testing.assert_close(predicted["normals"].norm(dim=1), torch.ones(2, 50, 71))


def test_onnx_files_are_valid_and_have_names_and_metadata(model, tmp_path):
    onnx = pytest.importorskip("onnx")
    exported = export_model(model, "onnx", tmp_path / "net.onnx", SIZE, tasks=["depth", "semseg"])
    graph = onnx.load(exported.path)
    onnx.checker.check_model(graph)
    assert [value.name for value in graph.graph.input] == ["images"]
    assert [value.name for value in graph.graph.output] == ["depth", "semseg"]
    lengths = graph.graph.input[0].type.tensor_type.shape.dim
    assert [bool(length.dim_param) for length in lengths] == [True, False, True, True]
    [signature] = [entry.value for entry in graph.metadata_props if entry.key == "mtl_plugins"]
    assert json.loads(signature)["tasks"] == ["depth", "semseg"]


def test_fixed_size_and_batch(model, tmp_path):
    exported = export_model(model, "torch-export", tmp_path / "net", SIZE, batch=2, fixed_size=True, tasks=["depth"])
    assert exported.signature.shape == (2, *SIZE) and list(exported.differences) == [(2, *SIZE)]
    with pytest.raises(ValueError, match="batches of 2 of images 48 x 64"):
        load_backend(exported.path)(torch.zeros(1, 3, 48, 64))


def test_a_lower_precision_is_reported_and_accepted(model, tmp_path):
    exported = export_model(model, "torch-export", tmp_path / "net", SIZE, 1, True, ["depth"], precision="bf16")
    assert exported.signature.precision == load_backend(exported.path).precision == "bf16"
    assert 1e-4 < exported.differences[(1, *SIZE)]["depth"] < 0.1
    assert describe(exported).startswith("depth by up to ")


def test_a_file_with_wrong_outputs_raises_and_is_kept_under_another_name(model, monkeypatch, tmp_path):
    (tmp_path / "net.pt2").write_bytes(b"an older export")
    backend = FORMATS["torch-export"]
    compute = backend._run
    monkeypatch.setattr(backend, "_run", lambda self, images: [1.01 * output for output in compute(self, images)])
    with pytest.raises(ValueError, match=r"differ from PyTorch's: depth by up to \S+ %.*net.differs.pt2"):
        export_model(model, "torch-export", tmp_path / "net", SIZE, 1, True, ["depth"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.differs.pt2", "net.pt2"]
    assert (tmp_path / "net.pt2").read_bytes() == b"an older export"


@pytest.mark.parametrize(
    "error, raised, message",
    [
        (OSError(errno.ENOSPC, "No space left on device"), OSError, "the disk is full"),
        (OSError(errno.EFBIG, "File too large"), OSError, r"the file is larger than the system allows.*ulimit -f"),
        (
            RuntimeError("no operator for aten::roll\n\nlong pages"),
            ValueError,
            "torch-export cannot express the network: no operator for aten::roll$",
        ),
    ],
)
def test_a_failed_export_leaves_no_file(model, monkeypatch, tmp_path, error, raised, message):
    def write(graph, path, *_):
        path.write_bytes(b"half of it")
        raise error

    monkeypatch.setattr(FORMATS["torch-export"], "write", write)
    with pytest.raises(raised, match=message):
        export_model(model, "torch-export", tmp_path / "net", SIZE, 1, True, ["depth"])
    assert not list(tmp_path.iterdir())


def test_a_format_without_dynamic_sizes_falls_back_to_a_fixed_size(model, monkeypatch, tmp_path):
    backend = FORMATS["torch-export"]
    write = backend.write

    def write_fixed_size_only(graph, *arguments):
        if graph.signature.shape[1:] != SIZE:
            raise RuntimeError("Failed serializing node ceil")
        write(graph, *arguments)

    monkeypatch.setattr(backend, "write", write_fixed_size_only)
    exported = export_model(model, "torch-export", tmp_path / "net", SIZE, batch=1, tasks=["depth"])
    assert exported.signature.shape == (1, *SIZE)
    assert exported.reason.endswith(
        "the size had to be fixed: torch-export cannot express the network: Failed serializing node ceil"
    )


def test_failing_dynamic_sizes_fall_back_to_a_fixed_size(model, monkeypatch, tmp_path):
    backend = FORMATS["torch-export"]
    compute = backend._run

    def compute_fixed_size_only(self, images):
        if images.shape[-2:] != SIZE:
            raise RuntimeError("The size of tensor a must match the size of tensor b")
        return compute(self, images)

    monkeypatch.setattr(backend, "_run", compute_fixed_size_only)
    exported = export_model(model, "torch-export", tmp_path / "net", SIZE, batch=1, tasks=["depth"])
    assert exported.signature.shape == (1, *SIZE) and list(exported.differences) == [(1, *SIZE)]
    assert "cannot compute images of 1 x 3 x 85 x 77" in exported.reason and "The size of tensor a" in exported.reason


def test_an_unwritable_folder_raises(model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file/net.pt2 cannot be written.*Choose a writable folder"):
        export_model(model, "torch-export", tmp_path / "file" / "net.pt2", SIZE)


def test_invalid_options_raise(model, tmp_path):
    with pytest.raises(ValueError, match="export format 'tflite' does not exist: choose from onnx"):
        export_model(model, "tflite", tmp_path / "net")
    for wrong in (dict(size=(0, 64)), dict(batch=0)):
        with pytest.raises(ValueError, match="size and batch must be at least 1"):
            export_model(model, "onnx", tmp_path / "net", **wrong)
    with pytest.raises(ValueError, match="onnxruntime supports the precisions float32; given: 'bf16'"):
        export_model(model, "onnx", tmp_path / "net", precision="bf16")
    with pytest.raises(ValueError, match="has no task edge"):
        export_model(model, "onnx", tmp_path / "net", tasks=["edge"])


@pytest.mark.parametrize("preset", ["hydranet_kitti", "hydranet_camvid", "hydranet_nyud_kitti"])
def test_presets_are_exported(preset, tmp_path):
    dataset = "nyud" if preset == "hydranet_nyud_kitti" else None
    exported = export_model(small(preset), "torch-export", tmp_path / preset, SIZE, end_to_end=True, dataset=dataset)
    assert max(worst for found in exported.differences.values() for worst in found.values()) == 0


def test_differences_are_relative_to_the_value_range():
    wanted = torch.tensor([2.0, 12.0])
    assert difference(wanted + torch.tensor([0.0, 1.0]), wanted) == pytest.approx(0.1)
    assert difference(torch.tensor([3, 4]), torch.tensor([3, 5])) == 0.5
    assert np.isnan(difference(torch.tensor([float("nan"), 0]), wanted))
    assert difference(torch.zeros(2), torch.zeros(2)) == 0
    with pytest.raises(ValueError, match="shape"):
        difference(torch.zeros(2), torch.zeros(3))
