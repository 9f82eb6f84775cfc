from pathlib import Path

import torch

from .graph import INPUT, Graph

SIGNATURE = "mtl_plugins"  # key of the signature in a file's metadata


def write_onnx(graph: Graph, path: Path) -> None:
    """Write a graph as ONNX, with the input `images` and the outputs of its signature."""
    program = torch.onnx.export(
        graph.exported, input_names=[INPUT], output_names=graph.signature.outputs, dynamo=True, verbose=False
    )
    assert program is not None  # with dynamo=True
    program.model.metadata_props[SIGNATURE] = graph.signature.to_json()
    program.save(str(path))
