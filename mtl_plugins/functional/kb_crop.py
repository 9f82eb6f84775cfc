"""The crop of KITTI's depth benchmark."""

#: Height and width of the crop. The benchmark's validation and test images have this size.
KB_CROP = (352, 1216)


def kb_crop_window(height: int, width: int) -> tuple[int, int, int, int]:
    """The bottom 352 rows and central 1216 columns of a KITTI image, as (top, left, height, width).

    Raises:
        ValueError: The image is smaller.

    Examples:
        >>> kb_crop_window(375, 1242)
        (23, 13, 352, 1216)
    """
    rows, columns = KB_CROP
    if height < rows or width < columns:
        raise ValueError(f"the KB crop takes {rows}×{columns} (H×W), but the image is {height}×{width}")
    return height - rows, (width - columns) // 2, rows, columns
