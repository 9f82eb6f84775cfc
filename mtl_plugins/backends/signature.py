import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.models import InferenceNetwork

from .network_digest import network_digest

Shape = tuple[int | None, int | None, int | None]  # (N, H, W) of the images; None: any
Names = Any  # a name, or a dict or list of these


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of an exported network. It is stored in every exported file.

    Attributes:
        tasks: Names of the tasks, in order.
        shape: (N, H, W) of the images; None for a size that is free.
        end_to_end: Whether the network takes uint8 images and returns predictions (see `InferenceNetwork`).
        dataset: The dataset whose classes and depths an end-to-end network predicts, if its heads distinguish datasets.
        precision: `'float32'`, `'bf16'`, `'fp16'` or `'int8'`.
        network: `network_digest` of the model.
        structure: Names of the output tensors by task: a name, or a dict or list of names if the head returns several
            tensors (`{'panoptic': {'centre': 'panoptic.centre', 'offset': 'panoptic.offset'}}`). None for one tensor
            per task that has the task's name.
        mean: Mean of RGB in 0 ... 1 for the normalisation of images; None if unknown.
        std: Standard deviation of RGB in 0 ... 1; None if unknown.
    """

    tasks: tuple[str, ...]
    shape: Shape = (None, None, None)
    end_to_end: bool = False
    dataset: str | None = None
    precision: str = "float32"
    network: str = ""
    structure: dict[str, Names] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        network: InferenceNetwork,
        precision: str = "float32",
        shape: Shape = (None, None, None),
        structure: dict[str, Names] | None = None,
    ) -> "Signature":
        """The signature of a network.

        Args:
            network: The network.
            precision: Precision in which it is computed.
            shape: (N, H, W) of the images.
            structure: Names of the output tensors (see the class).
        """
        return cls(
            tasks=tuple(network.tasks),
            shape=shape,
            end_to_end=network.end_to_end,
            dataset=network.dataset,
            precision=precision,
            network=network_digest(network.model),
            structure=structure,
            mean=getattr(network.model.data_preprocessor, "mean_rgb", None),
            std=getattr(network.model.data_preprocessor, "std_rgb", None),
        )

    @classmethod
    def from_json(cls, text: str) -> "Signature":
        """Read a signature, also one of an older version.

        Raises:
            ValueError: The text is no signature.
        """
        try:
            return cls._of_values(json.loads(text))
        except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
            raise ValueError(
                f"the exported file has a damaged signature ({str(error)[:100]}): export the network again."
            ) from error

    @classmethod
    def _of_values(cls, values: dict[str, Any]) -> "Signature":
        if "whole" in values:  # its name before version 0.2
            values["end_to_end"] = values.pop("whole")
        for name in ("tasks", "shape", "mean", "std"):
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        signature = cls(**values)
        lengths_fit = len(signature.shape) == 3 and all(n is None or type(n) is int for n in signature.shape)
        texts = [*signature.tasks, *signature.outputs, signature.precision, signature.network]
        numbers = [*(signature.mean or ()), *(signature.std or ())]
        if not (
            lengths_fit
            and signature.tasks
            and type(signature.end_to_end) is bool
            and isinstance(signature.dataset, str | None)
            and all(isinstance(text, str) for text in texts)
            and all(isinstance(number, int | float) for number in numbers)
            and (signature.structure is None or set(signature.structure) == set(signature.tasks))
        ):
            raise ValueError(", ".join(f"{name}={value!r}" for name, value in values.items()))
        return signature

    def to_json(self) -> str:
        """The signature as JSON, for the metadata of a file."""
        return json.dumps(asdict(self))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of all output tensors, in order."""
        return self.tasks if self.structure is None else tuple(_flatten(self.structure))

    def unflatten(self, tensors: Sequence[Tensor]) -> dict[str, Any]:
        """Outputs by task from the flat list of output tensors. Lists and tuples of a head come back as lists."""
        if self.structure is None:
            return dict(zip(self.tasks, tensors, strict=True))
        by_name = dict(zip(self.outputs, tensors, strict=True))
        return {task: _replace_names(names, by_name) for task, names in self.structure.items()}

    def check(self, images: Tensor) -> None:
        """Check a batch of images.

        Raises:
            ValueError: The network does not support the type or the size of the images. The message names the expected
                and the actual one.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"the network takes images (N, 3, H, W); given: {tuple(images.shape)}.")
        if self.end_to_end != (images.dtype == torch.uint8):
            wanted = "uint8 images without normalisation" if self.end_to_end else "normalised floating-point images"
            raise ValueError(f"the network takes {wanted}; given: {images.dtype}.")
        n, _, height, width = images.shape
        if any(fixed not in (None, size) for fixed, size in zip(self.shape, (n, height, width), strict=True)):
            batch = "" if self.shape[0] in (None, n) else f" --batch {n}"
            given = _describe(n, height, width)
            raise ValueError(
                f"the network was exported for {_describe(*self.shape)}, but it is given {given}. Resize the images or "
                f"change the batch size, export the network for this size (export.py: --size {height} {width}{batch}), "
                f"or export it for any size (without --fixed-size and --batch)."
            )


def name_outputs(tree: Any, path: str = "") -> Names:
    """Replace each leaf of a tree of outputs by its name: the keys and positions that lead to it, joined by dots."""
    if isinstance(tree, dict):
        return {str(key): name_outputs(value, f"{path}.{key}" if path else str(key)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [name_outputs(value, f"{path}.{i}") for i, value in enumerate(tree)]
    return path


def _flatten(names: Names) -> Iterator[str]:
    if isinstance(names, str):
        yield names
    else:
        for value in names.values() if isinstance(names, dict) else names:
            yield from _flatten(value)


def _replace_names(names: Names, tensors: dict[str, Tensor]) -> Any:
    if isinstance(names, str):
        return tensors[names]
    if isinstance(names, dict):
        return {key: _replace_names(value, tensors) for key, value in names.items()}
    return [_replace_names(value, tensors) for value in names]


def _describe(n, height, width):
    batch = "batches of any size" if n is None else f"batches of {n}"
    return f"{batch} of images {height or 'any height'} x {width or 'any width'}"
