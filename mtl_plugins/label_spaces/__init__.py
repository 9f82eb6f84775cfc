"""Label spaces (class names, ids, colours) and the maps between them, as CSV files in `spaces/` and `maps/`.

To use a custom space or map, pass the path of a CSV file instead of a name.
"""

from .class_map import VOID, class_map, list_class_maps, map_classes
from .label_space import LabelSpace, label_space, list_label_spaces

__all__ = ["VOID", "LabelSpace", "class_map", "label_space", "list_class_maps", "list_label_spaces", "map_classes"]
