"""Label readers: functions `reader(path, **options)` that return a typed tensor, or None if the file has no label."""

from .binary import read_binary
from .class_colours import read_colours
from .class_ids import read_classes
from .dense_map import read_map
from .depth import limit_depth, parse_depth_range, read_depth
from .edges import read_edges
from .empty_label import none_if_empty
from .find_reader import READERS, find_reader
from .image import read_image
from .image_label import read_image_class, read_image_numbers
from .instances import read_instances
from .kind import read_kind
from .normals import read_normals
from .vectors import read_vectors

__all__ = [
    "READERS",
    "find_reader",
    "limit_depth",
    "none_if_empty",
    "parse_depth_range",
    "read_binary",
    "read_classes",
    "read_colours",
    "read_depth",
    "read_edges",
    "read_image",
    "read_image_class",
    "read_image_numbers",
    "read_instances",
    "read_kind",
    "read_map",
    "read_normals",
    "read_vectors",
]
