"""The solids of a room as arrays."""

from collections.abc import Mapping, Sequence

import numpy as np

from .primitives import Primitive


class SolidArrays:
    """The properties of N solids as arrays, for the ray caster and the shading.

    Args:
        parts: The solids.
        textures: The number of each texture's name; see `textures.TEXTURES`.

    Attributes:
        kind: int32, (N,).
        centre: float32, (N, 3), metres in the world frame.
        axes: float32, (N, 3, 3); row k is the local axis k.
        half: float32, (N, 3), half sizes in metres.
        taper: float32, (N,).
        label: uint8, (N,), class ids.
        instance: uint16, (N,), 0 for walls, floor and ceiling. The solids of one object that have one class share a
            number, counted from 1 in the order of `parts`.
        casts: Boolean, (N,), whether a solid casts shadows.
        texture: int32, (N,), numbers of the textures.
        scale: float32, (N,), size of the pattern in metres.
        gloss: float32, (N,).
        glow: float32, (N,).
        seed: int32, (N,).
        a: float32, (N, 3), first colour in linear light.
        b: float32, (N, 3), second colour in linear light.
    """

    def __init__(self, parts: Sequence[Primitive], textures: Mapping[str, int]) -> None:
        f32 = np.float32
        self.kind = np.array([p.kind for p in parts], np.int32)
        self.centre = np.array([p.centre for p in parts], f32)
        self.axes = np.array([p.axes for p in parts], f32)
        self.half = np.array([p.half for p in parts], f32)
        self.taper = np.array([p.taper for p in parts], f32)
        self.label = np.array([p.label for p in parts], np.uint8)
        numbers: dict[tuple[int, int], int] = {}
        for p in parts:
            if p.thing:
                numbers.setdefault((p.thing, p.label), len(numbers) + 1)
        self.instance = np.array([numbers.get((p.thing, p.label), 0) for p in parts], np.uint16)
        self.casts = np.array([p.casts for p in parts], bool)
        materials = [p.material for p in parts]
        self.texture = np.array([textures[m.texture] for m in materials], np.int32)
        self.scale = np.array([m.scale for m in materials], f32)
        self.gloss = np.array([m.gloss for m in materials], f32)
        self.glow = np.array([m.glow for m in materials], f32)
        self.seed = np.array([m.seed for m in materials], np.int32)
        # From display values to linear light: the renderer's transfer curve is a square root.
        self.a = np.array([[c * c for c in m.a] for m in materials], f32)
        self.b = np.array([[c * c for c in m.b] for m in materials], f32)

    def __len__(self) -> int:
        return len(self.kind)
