"""Label spaces and the maps between them, as plain data: ``spaces/*.csv`` and ``maps/*.csv``.

A map or a space of yours is another such file: give its path in place of the name.
"""

from .class_map import VOID, class_map, list_class_maps, map_classes
from .label_space import LabelSpace, label_space, list_label_spaces

__all__ = ["VOID", "LabelSpace", "class_map", "label_space", "list_class_maps", "list_label_spaces", "map_classes"]
