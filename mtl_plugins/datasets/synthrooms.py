from mtl_plugins.registry import DATASETS

from .nyudv2 import NYUDv2


@DATASETS.register_module()
class SynthRooms(NYUDv2):
    """Rendered rooms in the layout and with the classes of `NYUDv2`; each image has its own camera."""

    HOW_TO_PREPARE = "Prepare it with `mtl prepare synthrooms --out {data_root}`."
    depth_source = None  # there is only one kind of depth
