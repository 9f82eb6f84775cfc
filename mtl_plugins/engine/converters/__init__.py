"""Published checkpoints to this project's names. One file a format; ``CONVERTERS`` is what ``--from`` may name."""

from .lwrefinenet import convert_lwrefinenet

CONVERTERS = {"lwrefinenet": convert_lwrefinenet}

__all__ = ["CONVERTERS", "convert_lwrefinenet"]
