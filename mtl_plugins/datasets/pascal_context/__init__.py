"""PASCAL-Context in the layout of the archive `PASCAL_MT`: the dataset, and the readers of its MATLAB files."""

from .context_edges import EDGE_RULES, read_context_edges
from .human_parts import PART_CLASSES, read_human_parts
from .pascal_context import PASCALContext

__all__ = ["EDGE_RULES", "PART_CLASSES", "PASCALContext", "read_context_edges", "read_human_parts"]
