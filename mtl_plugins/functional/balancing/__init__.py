"""Balancing of tasks: weights from losses, from inner products of gradients, and from gradients."""

from .gramian import combine, cosines, gramian, norms

__all__ = ["combine", "cosines", "gramian", "norms"]
