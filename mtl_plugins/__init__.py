"""Dense multi-task learning for mmengine: one image in; classes, depth, surface normals and other tasks out."""

__version__ = "0.2.0"
