def grid_columns(panels: int, most: int) -> int:
    """The number of columns that leaves the fewest empty cells in a grid of as few rows as possible.

    Args:
        panels: Number of panels.
        most: Largest number of columns.

    Examples:
        >>> [grid_columns(panels, 3) for panels in (0, 1, 3, 4, 5, 7)]
        [1, 1, 3, 2, 3, 3]
    """
    rows = max(1, -(-panels // most))
    return max(1, -(-panels // rows))
