"""The NYUD-40 class ids of the rendered objects."""

from mtl_plugins.label_spaces import label_space

#: The class names in the order of their ids, 0 to 39.
NYUD40 = label_space("nyud40").classes
#: The id of each class name.
CLASS_ID = {name: n for n, name in enumerate(NYUD40)}
