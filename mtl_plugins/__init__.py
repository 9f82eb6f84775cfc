"""Dense multi-task learning for mmengine: one image in; classes, depth, normals and your own tasks out."""

__version__ = "0.1.0"
