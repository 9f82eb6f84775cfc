from pathlib import Path

import torch

from .graph import INPUT, Graph

SIGNATURE = "mtl_plugins"  # key of it in a file's metadata


def write_onnx(graph: Graph, path: Path) -> None:
    """Write a graph as ONNX: input ``images``, one output a task, by its name."""
    program = torch.onnx.export(
        graph.exported, input_names=[INPUT], output_names=graph.signature.tasks, dynamo=True, verbose=False
    )
    program.model.metadata_props[SIGNATURE] = graph.signature.to_json()
    program.save(str(path))
