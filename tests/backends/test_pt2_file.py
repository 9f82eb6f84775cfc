"""A `.pt2` file never runs code, however it was made."""

import io
import json
import pickle
import re
import zipfile

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtl_plugins.backends import Signature, load_backend
from mtl_plugins.backends.pt2_file import write_pt2
from tests.fuzzing import fuzz, mutations

PROGRAM, WEIGHTS = "models/model.json", "data/weights/model_weights_config.json"


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, images):
        x = F.avg_pool2d(self.conv(images), 2)
        return {"depth": F.interpolate(x, scale_factor=2.0, mode="bilinear").to(torch.float32)}


@pytest.fixture(scope="module")
def exported():
    torch.manual_seed(0)
    sizes = {"images": {axis: torch.export.Dim.DYNAMIC for axis in (0, 2, 3)}}
    return torch.export.export(Network().eval(), (torch.zeros(2, 3, 16, 24),), dynamic_shapes=sizes)


@pytest.fixture(scope="module")
def good(exported, tmp_path_factory):
    path = tmp_path_factory.mktemp("pt2") / "good.pt2"
    write_pt2(exported, path, Signature(("depth",)).to_json())
    return path


def members(path):
    """Contents by name, without the folder that contains all of them."""
    with zipfile.ZipFile(path) as archive:
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}


def save(path, contents, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(f"good/{name}", content)
    return path


class Code:
    """Runs when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return exec, (f"open({str(self.marker)!r}, 'w').close()",)


def pickled(marker):
    buffer = io.BytesIO()
    torch.save(((Code(marker),), {}), buffer)
    return buffer.getvalue()


def edit(contents, name, change):
    content = json.loads(contents[name])
    change(content)
    return {**contents, name: json.dumps(content).encode()}


def first(nodes, target):
    return next(node for node in nodes if target in node["target"])


# Ways to run `code`, a Python expression: functions of (contents, code, marker) that return the changed contents.


def example_inputs(contents, code, marker):
    return {**contents, "data/sample_inputs/model.pt": pickled(marker)}


def pickled_weight(contents, code, marker):
    def change(config):
        next(iter(config["config"].values())).update(use_pickle=True)

    return {**edit(contents, WEIGHTS, change), "data/weights/weight_0": pickled(marker)}


def legacy_weights(contents, code, marker):
    return {**contents, "data/weights/model.pt": pickled(marker)}


def legacy_constants(contents, code, marker):
    return {**contents, "data/constants/model.pt": pickled(marker)}


def opaque_object(contents, code, marker):
    def change(config):
        config["config"]["x"] = dict(path_name="opaque_obj_0", is_param=False, use_pickle=True, tensor_meta=None)

    config = "data/constants/model_constants_config.json"
    return {**edit(contents, config, change), "data/constants/opaque_obj_0": pickle.dumps(Code(marker))}


def script_object(contents, code, marker):
    def change(config):
        config["config"]["x"] = dict(path_name="custom_obj_0", is_param=False, use_pickle=True, tensor_meta=None)

    config = "data/constants/model_constants_config.json"
    return {**edit(contents, config, change), "data/constants/custom_obj_0": pickled(marker)}


def compiled_library(contents, code, marker):
    return {**contents, "data/aotinductor/model/model.so": b"\x7fELF"}


def old_format(contents, code, marker):
    return {
        "version": b"8.20",
        "serialized_exported_program.json": contents[PROGRAM],
        "serialized_state_dict.pt": pickled(marker),
        "serialized_constants.pt": b"",
        "serialized_example_inputs.pt": b"",
    }


def symbolic_size(contents, code, marker):
    def change(program):
        program["graph_module"]["graph"]["sym_int_values"] = {"x": {"as_expr": {"expr_str": code, "hint": None}}}

    return edit(contents, PROGRAM, change)


def tensor_size(contents, code, marker):
    def change(program):
        values = program["graph_module"]["graph"]["tensor_values"]
        values["images"]["sizes"][2]["as_expr"]["expr_str"] = code

    return edit(contents, PROGRAM, change)


def guard(contents, code, marker):
    return edit(contents, PROGRAM, lambda program: program.update(guards_code=[code]))


def operator(name, *values):
    def attack(contents, code, marker):
        def change(program):
            texts = [{"as_string": value.format(marker=marker, code=code)} for value in values]
            node = first(program["graph_module"]["graph"]["nodes"], "avg_pool2d")
            node.update(target=name, inputs=[dict(name="", arg=text, kind=1) for text in texts])

        return edit(contents, PROGRAM, change)

    return pytest.param(attack, id=name)


def value_name(contents, code, marker):
    program = contents[PROGRAM].replace(b'"avg_pool2d"', json.dumps(f"a = {code}; avg_pool2d").encode())
    return {**contents, PROGRAM: program}


def weight_name(contents, code, marker):
    name = json.dumps(f'conv.0"), {code}, ("weight')[1:-1].encode()
    changed = {key: contents[key].replace(b"conv.weight", name) for key in (PROGRAM, WEIGHTS)}
    return {**contents, **changed}


def argument_name(contents, code, marker):
    def change(program):
        program["graph_module"]["module_call_graph"][0]["signature"]["forward_arg_names"] = [f"images={code}"]

    return edit(contents, PROGRAM, change)


def output_type(kind, context):
    def attack(contents, code, marker):
        def change(program):
            spec = json.dumps([1, dict(type=kind, context=json.dumps(context), children_spec=[])])
            program["graph_module"]["module_call_graph"][0]["signature"]["out_spec"] = spec

        return edit(contents, PROGRAM, change)

    return pytest.param(attack, id=kind)


def enumeration(contents, code, marker):
    def change(program):
        context = json.dumps([{"__enum__": True, "fqn": "evil_module:Code", "name": "X"}])
        tree = dict(
            type="builtins.dict", context=context, children_spec=[dict(type=None, context=None, children_spec=[])]
        )
        program["graph_module"]["module_call_graph"][0]["signature"]["out_spec"] = json.dumps([1, tree])

    return edit(contents, PROGRAM, change)


ATTACKS = [
    example_inputs,
    pickled_weight,
    legacy_weights,
    legacy_constants,
    opaque_object,
    script_object,
    compiled_library,
    old_format,
    symbolic_size,
    tensor_size,
    guard,
    value_name,
    weight_name,
    argument_name,
    enumeration,
    operator("torch.serialization.os.system", "touch {marker}"),
    operator("torch.hub.os.system", "touch {marker}"),
    operator("_operator.attrgetter", "__class__"),
    operator("torch.load", "{marker}"),
    operator("torch.ops.load_library", "{marker}"),
    operator("torch.ops.aten.from_file.default", "{marker}"),
    operator("torch.ops.aten.save.default", "{marker}"),
    operator("torch.ops.aten._sparse_coo_tensor_unsafe.default"),
    operator("torch.ops.debugprims.load_tensor.default", "{marker}"),
    operator("torch.ops.aten.__class__.__call__", "{marker}"),
    operator("#extension:{code}"),
    output_type("collections.defaultdict", {"default_factory_module": "evil_module", "default_factory_name": "x"}),
    output_type("collections.namedtuple", "evil_module.Point"),
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_file_with_code_is_refused_and_runs_nothing(good, attack, tmp_path, monkeypatch):
    marker = tmp_path / "executed"
    code = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    (tmp_path / "evil_module.py").write_text(f"{code}\nclass Code: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = save(tmp_path / "evil.pt2", attack(members(good), code, marker))
    with pytest.raises(ValueError, match=re.escape(str(path))) as raised:
        load_backend(path)(torch.zeros(1, 3, 16, 24))
    assert not marker.exists(), "the file ran code"
    assert len(str(raised.value)) < 600 and "\n" not in str(raised.value)


def test_a_file_is_read_again_with_equal_outputs(exported, good):
    images = torch.rand(3, 3, 18, 22, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(load_backend(good)(images), exported.module()(images), rtol=0, atol=0)


def test_a_file_contains_no_pickle_and_pytorch_reads_it_without_this_package(exported, good):
    contents = members(good)
    assert contents["data/sample_inputs/model.pt"] == b""
    assert not any(content.startswith((b"PK", b"\x80")) for content in contents.values())
    images = torch.ones(2, 3, 16, 16)
    torch.testing.assert_close(torch.export.load(good).module()(images), exported.module()(images), rtol=0, atol=0)


def test_files_of_torch_export_with_example_inputs_are_read(exported, tmp_path):
    path = tmp_path / "older.pt2"
    torch.export.save(exported, path, extra_files={"mtl_plugins.json": Signature(("depth",)).to_json()})
    assert members(path)["data/sample_inputs/model.pt"]
    images = torch.ones(2, 3, 16, 16)
    torch.testing.assert_close(load_backend(path)(images), exported.module()(images), rtol=0, atol=0)


def test_files_from_before_pytorch_2_8_are_read(exported, good, tmp_path):
    state = io.BytesIO()
    torch.save(exported.state_dict, state)
    contents = {
        "version": b"8.20",
        "serialized_exported_program.json": members(good)[PROGRAM],
        "serialized_state_dict.pt": state.getvalue(),
        "serialized_constants.pt": b"",
        "serialized_example_inputs.pt": b"",
        "extra_files/mtl_plugins.json": Signature(("depth",)).to_json(),
    }
    path = tmp_path / "old.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    images = torch.ones(2, 3, 16, 16)
    torch.testing.assert_close(load_backend(path)(images), exported.module()(images), rtol=0, atol=0)


def test_a_compressed_member_is_refused(good, tmp_path):
    path = save(tmp_path / "bomb.pt2", members(good), zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="is compressed"):
        load_backend(path)


def test_a_tensor_larger_than_its_data_is_refused(good, tmp_path):
    def change(config):
        meta = next(iter(config["config"].values()))["tensor_meta"]
        meta.update(sizes=[{"as_int": 10**12}], strides=[{"as_int": 0}])

    path = save(tmp_path / "huge.pt2", edit(members(good), WEIGHTS, change))
    with pytest.raises(ValueError, match="does not have the size of its data"):
        load_backend(path)


@fuzz(40)
def test_a_damaged_file_is_refused_or_gives_equal_outputs(good, tmp_path, trials):
    images = torch.ones(1, 3, 16, 16)
    wanted = load_backend(good)(images)
    path = tmp_path / "damaged.pt2"
    for content in mutations(good.read_bytes(), trials):
        path.write_bytes(content)
        try:
            found = load_backend(path)(images)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            torch.testing.assert_close(found, wanted, rtol=0, atol=0)


@fuzz(40)
def test_a_damaged_program_is_refused_or_computed(good, tmp_path, trials):
    """As above, but the checksums of the archive are right."""
    path, contents = tmp_path / "damaged.pt2", members(good)
    for content in mutations(contents[PROGRAM], trials):
        save(path, {**contents, PROGRAM: content})
        try:
            load_backend(path)(torch.ones(1, 3, 16, 16))
        except ValueError as error:
            assert "\n" not in str(error)
