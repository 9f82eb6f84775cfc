#: Height and width of the crop of KITTI's depth benchmark: the validation and test images have this size.
KB_CROP = (352, 1216)


def kb_crop_window(height, width):
    """(top, left, height, width) of the bottom 352 rows and the central 1216 columns of an image of KITTI.

    Raises:
        ValueError: the image is smaller.
    """
    rows, columns = KB_CROP
    if height < rows or width < columns:
        raise ValueError(f"the KB crop takes {rows}×{columns} (H×W), but the image is {height}×{width}")
    return height - rows, (width - columns) // 2, rows, columns
