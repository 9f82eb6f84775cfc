"""Every backend computes the network's outputs for all supported sizes, and raises for unsupported input."""

import sys

import pytest
import torch

from mtl_plugins.apis import init_model
from mtl_plugins.backends import (
    BACKENDS,
    FORMATS,
    BuildOptions,
    Signature,
    available_backends,
    build_backend,
    compare,
    load_backend,
)
from mtl_plugins.models import InferenceNetwork
from mtl_plugins.models.forward_pass import run_eagerly

OPTIONS = {"model.backbone.model_name": "test_resnet", "model.neck.channels": 8, "model.neck.crp_stages": 1}
GRAPHS = sorted(backend.name for backend in FORMATS.values())
SIZES = [(1, 64, 96), (3, 64, 96), (2, 69, 101)]


def images(n=1, height=64, width=96, seed=0):
    numbers = torch.randn(n, 3, height, width, generator=torch.Generator().manual_seed(seed))
    return numbers.contiguous(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return InferenceNetwork(init_model("hydranet_nyud_three", cfg_options=OPTIONS))


@pytest.fixture(scope="module")
def graph(network):
    return FORMATS["torch-export"].capture(network, BuildOptions((64, 96), fixed_size=False))


@pytest.fixture(scope="module")
def fixed_graph(network):
    return FORMATS["torch-export"].capture(network, BuildOptions((32, 64), batch=1))


@pytest.fixture(scope="module", params=GRAPHS)
def graph_backend(request, graph):
    if request.param not in available_backends():
        pytest.skip(f"the libraries of {request.param} are not installed")
    return BACKENDS[request.param].of_graph(graph, BuildOptions())


def test_the_graph_has_dynamic_sizes(graph):
    assert graph.reason == "" and graph.signature.shape == (None, None, None)


@pytest.mark.parametrize("size", SIZES)
def test_outputs_of_a_graph_equal_the_network(network, graph_backend, size):
    assert graph_backend.tasks == ("semseg", "depth", "normals")
    assert max(compare(network, graph_backend, images(*size)).values()) < 1e-5


def test_outputs_do_not_depend_on_the_memory_format(graph_backend):
    channels_last = graph_backend(images(2))
    plain = graph_backend(images(2).contiguous())
    assert all(torch.allclose(channels_last[task], plain[task], atol=1e-5) for task in plain)


def test_outputs_are_not_overwritten_by_the_next_call(graph_backend):
    first = graph_backend(images())
    kept = {task: output.clone() for task, output in first.items()}
    graph_backend(images(seed=1))
    assert all(torch.equal(first[task], kept[task]) for task in kept)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_fixed_size_file_names_expected_and_given_size(network, fixed_graph, name, tmp_path):
    backend = BACKENDS[name]
    if not backend.is_available():
        pytest.skip(f"the libraries of {name} are not installed")
    path = tmp_path / f"network{backend.suffix}"
    backend.write(fixed_graph, path, BuildOptions())
    loaded = load_backend(path)
    assert loaded.name == name and loaded.signature == fixed_graph.signature
    assert max(compare(network, loaded, images(1, 32, 64)).values()) < 1e-5
    with pytest.raises(
        ValueError, match=r"batches of 1 of images 32 x 64, but it is given batches of 2 of images 48 x 64"
    ):
        loaded(images(2, 48, 64))


def test_images_too_small_for_a_graph_raise(graph):
    backend = FORMATS["torch-export"].of_graph(graph, BuildOptions())
    height, width = backend.least_size
    with pytest.raises(ValueError, match=rf"images of at least {height} x {width}, but they are {height - 1} x 64"):
        backend(images(1, height - 1, 64))


def test_the_torch_backend_is_the_network(network):
    backend = build_backend("torch", network)
    assert compare(network, backend, images(2, 37, 50)) == dict.fromkeys(("semseg", "depth", "normals"), 0)
    assert (backend.name, backend.precision) == ("torch", "float32")


def test_a_lower_precision_is_close_and_does_not_change_the_network(network):
    backend = build_backend("torch", network, precision="bf16")
    differences = compare(network, backend, images())
    assert 1e-4 < max(differences.values()) < 0.1
    assert all(output.dtype == torch.float32 for output in backend(images()).values())
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_options_are_passed_to_torch_compile(network, monkeypatch):
    given = {}
    monkeypatch.setattr(torch, "compile", lambda network, **options: given.update(options) or network)
    backend = build_backend("compile", network, mode="max-autotune", dynamic=True)
    assert given == dict(mode="max-autotune", dynamic=True)
    assert max(compare(network, backend, images()).values()) == 0


def test_selected_tasks_of_an_end_to_end_network(network, monkeypatch):
    end_to_end = InferenceNetwork(network.model, ["depth"], end_to_end=True)
    backend = build_backend("torch", end_to_end)
    picture = torch.randint(256, (1, 3, 33, 50), dtype=torch.uint8)
    [(task, depth)] = backend(picture).items()
    assert task == "depth" and depth.shape == (1, 1, 33, 50) and (depth >= 0).all()
    with pytest.raises(ValueError, match="uint8 images.* given: torch.float32"):
        backend(images())


def test_a_network_that_is_not_end_to_end_needs_float_images(network):
    with pytest.raises(ValueError, match="normalised floating-point images; given: torch.uint8"):
        build_backend("torch", network)(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\); given: \(3, 8, 8\)"):
        build_backend("torch", network)(torch.zeros(3, 8, 8))


def test_int8_is_calibrated_with_images(network, graph):
    pytest.importorskip("nncf")
    calibration = [images(1, seed=seed) for seed in range(4)]
    size = tuple(calibration[0].shape[-2:])
    backend = build_backend("openvino", network, size, "int8", fixed_size=True, calibration=calibration)
    assert backend.precision == "int8"
    assert 1e-4 < max(compare(network, backend, images()).values()) < 0.3
    with pytest.raises(ValueError, match="--calibrate"):
        BACKENDS["openvino"].of_graph(graph, BuildOptions(precision="int8"))
    with pytest.raises(ValueError, match="calibration has no image"):
        BACKENDS["openvino"].of_graph(graph, BuildOptions(precision="int8", calibration=[]))
    with pytest.raises(ValueError, match="only for precision='int8'"):
        build_backend("openvino", network, size, calibration=calibration)


def test_a_network_that_cannot_be_captured_raises_with_the_reason(network, monkeypatch):
    def forward(model, images, tasks=None):
        if images.sum() > 0:  # depends on the values, which a graph cannot express
            return run_eagerly(model, images)
        return run_eagerly(model, -images)

    broken = InferenceNetwork(network.model)
    monkeypatch.setattr(broken.model, "forward_pass", forward)
    with pytest.raises(ValueError, match="backbone test_resnet cannot be expressed as a graph.*: \\w+"):
        FORMATS["torch-export"].capture(broken, BuildOptions((32, 64), fixed_size=False))


# missing libraries and files


def test_a_missing_library_names_the_extra(network, monkeypatch):
    for module, backend, extra in (("openvino", "openvino", "openvino"), ("onnxruntime", "onnxruntime", "onnx")):
        monkeypatch.setitem(sys.modules, module, None)  # makes its import fail
        with pytest.raises(ImportError, match=rf"{module} .*pip install 'mtl_plugins\[{extra}\]'"):
            build_backend(backend, network)


def test_unknown_backend_and_precision_errors_list_the_choices(network):
    with pytest.raises(
        ValueError,
        match="backend 'openvin' does not exist: did you mean 'openvino'.* choose from torch, .*file .*\\.onnx",
    ):
        build_backend("openvin", network)
    with pytest.raises(ValueError, match="onnxruntime supports the precisions float32; given: 'int8'"):
        build_backend("onnxruntime", network, precision="int8")


def test_missing_and_unreadable_files_raise(tmp_path):
    with pytest.raises(FileNotFoundError, match="the exported network .* does not exist"):
        load_backend(tmp_path / "a.pt2")
    with pytest.raises(ValueError, match="one of .onnx, .xml, .pt2"):
        load_backend(tmp_path / "a.pth")
    for suffix in (".onnx", ".xml", ".pt2"):
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(b"no network")
        with pytest.raises(ValueError, match=f"{path}.* cannot be read by"):
            load_backend(path)


def test_an_onnx_file_of_another_program_raises(tmp_path):
    pytest.importorskip("onnxruntime")
    helper = pytest.importorskip("onnx").helper
    value = [helper.make_tensor_value_info(name, 1, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:])
    path = tmp_path / "foreign.onnx"
    path.write_bytes(
        helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString()
    )
    with pytest.raises(ValueError, match="was not written by mtl export"):
        load_backend(path)


def test_a_signature_is_restored_from_json():
    signature = Signature(("depth",), (None, 48, 64), True, "nyud", "int8")
    assert Signature.from_json(signature.to_json()) == signature
