"""Checks the program of a `.pt2` file: PyTorch turns parts of it into Python code, so each text must be harmless."""

import json
import keyword
import re
from collections.abc import Callable
from typing import Any

import torch

from .safe_expression import safe_expression

OPERATOR_NAMESPACES = {"aten", "torchvision"}
"""Namespaces of the operators that a `.pt2` file may use. Add the namespace of your own operators here."""

_PRIVATE_OPERATORS = frozenset(  # of ATen, those that networks are captured with; others work on raw memory
    "_adaptive_avg_pool2d _adaptive_avg_pool3d _assert_async _assert_scalar _assert_tensor_metadata _cdist_forward "
    "_convolution _fft_c2c _fft_c2r _fft_r2c _local_scalar_dense _log_softmax _native_batch_norm_legit "
    "_native_batch_norm_legit_no_training _native_batch_norm_legit_functional _scaled_dot_product_attention_math "
    "_scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu "
    "_scaled_dot_product_efficient_attention _shape_as_tensor _softmax _to_copy _unsafe_index _unsafe_view "
    "_upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d _weight_norm "
    "_weight_norm_interface _prelu_kernel _reshape_alias __and__ __or__ __xor__ __lshift__ __rshift__".split()
)
_FORBIDDEN_OPERATOR = re.compile(r"save|from_file|.*(sparse|quantized|unsafe|nested|storage).*|set_?|record_stream")
_PYTHON_OPERATORS = frozenset(
    [f"_operator.{name}" for name in "eq ne le ge lt gt neg pos mul add sub floordiv mod pow truediv and_ or_".split()]
    + ["_operator.lshift", "_operator.rshift", "_operator.getitem", "math.trunc", "math.ceil", "math.floor"]
    + [f"torch.sym_{name}" for name in "not int float ite max min sqrt sum".split()]
    + [f"torch.ops.higher_order.{name}" for name in ("cond", "wrap_with_set_grad_enabled", "wrap_with_autocast")]
)
_TREE_TYPES = (None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict")
_DEEPEST = 60  # levels of nesting


def check_program(text: bytes) -> bytes:
    """The JSON of an exported program without the parts that are only for debugging.

    Raises:
        ValueError: A part of it could run code when PyTorch loads or computes the program.
    """
    program = json.loads(text)
    if not isinstance(program, dict):
        raise ValueError("its program is not an object")
    return json.dumps(_clean(program, "", 0)).encode()


def _clean(value: Any, key: str, depth: int) -> Any:
    """Check and copy a value of the JSON; `key` is the name of the entry that contains it."""
    if depth > _DEEPEST:
        raise ValueError("its program is nested too deeply")
    if isinstance(value, dict):
        if key in ("metadata", "treespec_namedtuple_fields"):  # for debugging and for named tuples
            return {}
        return {_name(name, "entry"): _clean(entry, name, depth + 1) for name, entry in value.items()}
    if isinstance(value, list):
        return [_clean(entry, key, depth + 1) for entry in value]
    if isinstance(value, str):
        if key not in _TEXTS:
            raise ValueError(f"its program contains the text {value[:60]!r} at {key!r}")
        return _TEXTS[key](value, key)
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError(f"its program contains a number of {len(str(value))} digits")
    return value


def _name(text: str, key: str) -> str:
    if not isinstance(text, str) or len(text) > 500 or not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError(f"its program contains {text[:60]!r} as the {key} of a value")
    if text in ("as_custom_obj", "custom_obj", "class_fqn"):
        raise ValueError("its program contains a Python object")
    return text


def _name_or_empty(text: str, key: str) -> str:
    return text and _name(text, key)


def weight_name(text: str, key: str = "name") -> str:
    """A dotted name of a weight or module.

    Raises:
        ValueError: It has other characters, or names an internal attribute of a Python object.
    """
    if not re.fullmatch(r"[\w .\-+/]{0,1000}", text) or any(part.startswith("__") for part in text.split(".")):
        raise ValueError(f"its program contains {text[:60]!r} as a {key}")
    return text


def _plain_text(text: str, key: str) -> str:
    if not re.fullmatch(r"[\w .,:>+\-]{0,200}", text):
        raise ValueError(f"its program contains the text {text[:60]!r}")
    return text


def _expression(text: str, key: str) -> str:
    try:
        return safe_expression(text)
    except ValueError as error:
        raise ValueError(f"its program contains an expression that is not allowed: {error}") from None


def _operator(text: str, key: str) -> str:
    if text in _PYTHON_OPERATORS:
        return text
    match = re.fullmatch(r"torch\.ops\.(\w+)\.(\w+)\.(\w+)", text)
    if match is None or match[1] not in OPERATOR_NAMESPACES:
        raise ValueError(
            f"its program calls {text[:80]!r}, which is not an operator of {', '.join(sorted(OPERATOR_NAMESPACES))}"
        )
    namespace, name, overload = match.groups()
    is_checked = namespace == "aten" and name not in _PRIVATE_OPERATORS
    if is_checked and (name.startswith("_") or _FORBIDDEN_OPERATOR.fullmatch(name)):
        raise ValueError(f"its program calls the operator {name}, which exported networks do not use")
    found = getattr(getattr(getattr(torch.ops, namespace), name, None), overload, None)
    if not isinstance(found, torch._ops.OpOverload):
        raise ValueError(f"its program calls {text[:80]!r}, which this version of PyTorch does not have")
    return text


def _tree(text: str, key: str) -> str:
    """The structure of inputs or outputs: nested tuples, lists and dicts, as JSON."""
    protocol, tree = json.loads(text)
    return json.dumps([protocol, _checked_tree(tree, 0)])


def _checked_tree(tree: dict, depth: int) -> dict:
    kind, context = tree["type"], tree["context"]
    if kind not in _TREE_TYPES or depth > _DEEPEST:
        raise ValueError(f"its program has inputs or outputs of the type {kind!r}")
    keys = json.loads(context) if context is not None else None
    if not (keys is None or (isinstance(keys, list) and all(isinstance(key, str | int) for key in keys))):
        raise ValueError(f"its program has outputs with the keys {context[:60]}")
    children = [_checked_tree(child, depth + 1) for child in tree["children_spec"]]
    return dict(type=kind, context=context, children_spec=children)


_TEXTS: dict[str, Callable[[str, str], str]] = dict(  # which texts each entry of the program may have
    {key: _name for key in ("as_name", "fx_name", "input_name", "forward_arg_names")},
    name=_name_or_empty,
    target=_operator,
    as_operator=_operator,
    expr_str=_expression,
    guards_code=_expression,
    in_spec=_tree,
    out_spec=_tree,
    **{key: weight_name for key in ("parameter_name", "buffer_name", "tensor_constant_name", "user_input_name", "fqn")},
    **{
        key: _plain_text
        for key in ("as_string", "as_strings", "type", "verifiers", "dialect", "torch_version", "as_float", "as_floats")
    },
)
