"""From linear light to the picture of a cheap camera."""

import numpy as np

from .draw import Draw

f32 = np.float32


def expose(light: list, shape, draw: Draw) -> np.ndarray:
    """uint8 (H, W, 3): blur of the lens, exposure, white balance, vignette, noise, tone curve."""
    height, width = shape
    image = [x.reshape(shape) for x in light]
    # Exact in any order: a sum of integers.
    level = sum(np.minimum(x * f32(256), f32(1024)).astype(np.int64).sum() for x in image)
    mean = max(float(level) / (3 * 256 * height * width), 0.02)
    gain = draw.uniform(0.20, 0.34) / mean
    balance = [gain * draw.uniform(0.93, 1.07), gain, gain * draw.uniform(0.93, 1.07)]
    y = (np.arange(height, dtype=f32) - f32(height / 2)) / f32(width / 2)
    x = (np.arange(width, dtype=f32) - f32(width / 2)) / f32(width / 2)
    vignette = f32(1) - f32(draw.uniform(0.05, 0.3)) * (y * y)[:, None] - f32(draw.uniform(0.05, 0.3)) * (x * x)[None]
    noise = draw.bell(3, height, width)
    read, shot = f32(draw.uniform(0.002, 0.006)), f32(draw.uniform(0.008, 0.022))
    out = np.empty((height, width, 3), np.uint8)
    for i in range(3):
        c = _blur(image[i]) * f32(balance[i]) * vignette
        c = c + noise[i] * (read + shot * np.sqrt(np.maximum(c, f32(0))))
        c = np.maximum(c, f32(0))
        # Linear below, rolled off above; then a square root for the display's gamma.
        c = c * (f32(1) + c * f32(0.28)) / (f32(1) + c)
        out[..., i] = np.clip(np.sqrt(c * f32(1.55)) * f32(255) + f32(0.5), f32(0), f32(255)).astype(np.uint8)
    return out


def _blur(x):
    """A slight blur ([1, 6, 1] / 8 both ways), which also softens the steps of single rays."""
    for axis in (0, 1):
        padded = np.concatenate([x.take([0], axis), x, x.take([-1], axis)], axis)
        n = x.shape[axis]
        low, high = (padded[:n], padded[2:]) if axis == 0 else (padded[:, :n], padded[:, 2:])
        x = x * f32(0.75) + (low + high) * f32(0.125)
    return x
