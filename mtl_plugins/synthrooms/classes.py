"""Labels by name: those of NYUD-40."""

from mtl_plugins.label_spaces import label_space

NYUD40 = label_space("nyud40").classes

ID = {name: n for n, name in enumerate(NYUD40)}
