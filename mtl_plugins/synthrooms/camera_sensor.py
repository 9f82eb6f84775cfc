"""A model of a simple camera: from linear light to 8-bit RGB."""

import numpy as np

from .portable_random import PortableRandom

f32 = np.float32


def expose(light: list[np.ndarray], shape: tuple[int, int], rng: PortableRandom) -> np.ndarray:
    """Apply lens blur, exposure, white balance, vignetting, noise and a tone curve.

    Args:
        light: Linear light: red, green and blue, each (H · W,).
        shape: Height and width in pixels.
        rng: Random numbers.

    Returns:
        uint8, (H, W, 3), RGB.
    """
    height, width = shape
    image = [x.reshape(shape) for x in light]
    # A sum of integers is exact in any order.
    level = sum(np.minimum(x * f32(256), f32(1024)).astype(np.int64).sum() for x in image)
    mean = max(float(level) / (3 * 256 * height * width), 0.02)
    gain = rng.uniform(0.20, 0.34) / mean
    balance = [gain * rng.uniform(0.93, 1.07), gain, gain * rng.uniform(0.93, 1.07)]
    y = (np.arange(height, dtype=f32) - f32(height / 2)) / f32(width / 2)
    x = (np.arange(width, dtype=f32) - f32(width / 2)) / f32(width / 2)
    vignette = f32(1) - f32(rng.uniform(0.05, 0.3)) * (y * y)[:, None] - f32(rng.uniform(0.05, 0.3)) * (x * x)[None]
    noise = rng.bell(3, height, width)
    read, shot = f32(rng.uniform(0.002, 0.006)), f32(rng.uniform(0.008, 0.022))
    out = np.empty((height, width, 3), np.uint8)
    for i in range(3):
        c = _blur(image[i]) * f32(balance[i]) * vignette
        c = c + noise[i] * (read + shot * np.sqrt(np.maximum(c, f32(0))))
        c = np.maximum(c, f32(0))
        # Linear in the shadows and compressed in the highlights; the square root is the display's gamma.
        c = c * (f32(1) + c * f32(0.28)) / (f32(1) + c)
        out[..., i] = np.clip(np.sqrt(c * f32(1.55)) * f32(255) + f32(0.5), f32(0), f32(255)).astype(np.uint8)
    return out


def _blur(x: np.ndarray) -> np.ndarray:
    """A slight blur, [1, 6, 1] / 8 along both axes, which also hides the aliasing of one ray per pixel."""
    for axis in (0, 1):
        padded = np.concatenate([x.take([0], axis), x, x.take([-1], axis)], axis)
        n = x.shape[axis]
        low, high = (padded[:n], padded[2:]) if axis == 0 else (padded[:, :n], padded[:, 2:])
        x = x * f32(0.75) + (low + high) * f32(0.125)
    return x
