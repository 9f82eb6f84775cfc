from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mtl_plugins.kinds import ColourBar, task_title
from mtl_plugins.kinds.painted import Swatch

from .task_painters import paint_task

LONG_SIDE = (400, 640)  # pixels: a smaller tile is enlarged so that its text fits, a larger one reduced
MIN_CELL_WIDTH = 240
BACKGROUND = (255, 255, 255)
INK = (32, 33, 36)
FAINT_INK = (130, 134, 139)
EMPTY_TILE = (238, 239, 241)


def draw_panel(
    image: np.ndarray,
    gt: Mapping[str, np.ndarray] | None = None,
    pred: Mapping[str, np.ndarray] | None = None,
    meta: Mapping[str, Any] | None = None,
    title: str = "",
) -> np.ndarray:
    """Paint one image and its maps as a labelled panel: one column per task, rows for ground truth and prediction.

    Ground truth and prediction share one range of colours. A map that only one of the rows has is replaced by a grey
    tile in the other. A row without any map is left out. Text needs Pillow 10.1 or newer, whose default font can be
    scaled.

    Args:
        image: uint8 (H, W, 3), RGB.
        gt: Ground truth, `{task: array (C, H', W') or (H', W')}`.
        pred: Prediction, in the same form.
        meta: The dataset's METAINFO; `classes` and `palette` (RGB) are those of `semseg`, `task_classes` those of
            other tasks; `kinds` states the kinds of tasks with other names.
        title: A line above the panel.

    Returns:
        uint8 (H'', W'', 3), RGB. Images of one size with the same tasks and rows give panels of one size, unless the
        class legend is too long for its place.
    """
    return _Panel(np.asarray(image), gt or {}, pred or {}, meta or {}, title).draw()


class _Panel:
    """The layout of one panel."""

    def __init__(
        self,
        image: np.ndarray,
        gt: Mapping[str, np.ndarray],
        pred: Mapping[str, np.ndarray],
        meta: Mapping[str, Any],
        title: str,
    ):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"The image of a panel must be uint8 (H, W, 3), but it is {image.dtype} {image.shape}.")
        self.title = title
        self.rows = [(name, maps) for name, maps in (("ground truth", gt), ("prediction", pred)) if maps]
        self.tasks = list(dict.fromkeys([*pred, *gt]))  # the model's order, the same for each image
        self.tile_size = _tile_size(*image.shape[:2])
        self.cell_width = max(self.tile_size[0], MIN_CELL_WIDTH)
        self.font = _font(max(15, round(self.cell_width / 24)))
        self.small_font = _font(max(13, round(self.cell_width / 29)))
        self.line = round(self.font.size * 1.6)
        self.gap = max(8, round(self.cell_width / 40))
        self.image_tile = Image.fromarray(image).resize(self.tile_size, Image.Resampling.LANCZOS)
        self.tiles: dict[tuple[str, str], Image.Image] = {}
        self.bars: dict[str, ColourBar | None] = {}
        self.swatches: dict[str, Sequence[Swatch]] = {}
        self.legend: list[Swatch] = []
        for task in self.tasks:
            self._paint(task, meta)

    def _paint(self, task: str, meta: Mapping[str, Any]) -> None:
        present = [(row, _channels_first(maps[task])) for row, maps in self.rows if task in maps]
        painted = paint_task(task, [values for _, values in present], meta)
        for (row, _), picture in zip(present, painted.pictures, strict=True):
            # nearest, because a mixture of two class colours would be the colour of a third class
            tile = Image.fromarray(picture).resize(self.tile_size, Image.Resampling.NEAREST)
            self.tiles[row, task] = tile
        self.bars[task], self.swatches[task] = painted.bar, painted.swatches
        self.legend.extend(painted.legend)

    def draw(self) -> np.ndarray:
        tile_height = self.tile_size[1]
        rows = [row for row, _ in self.rows] or [""]
        left = self.line + self.gap if self.rows else self.gap
        top = self.gap + (self.line if self.title else 0) + self.line
        width = left + (1 + len(self.tasks)) * (self.cell_width + self.gap)
        rows_bottom = top + len(rows) * (tile_height + self.gap)
        key_height = self._key_height()
        in_cell = draw_legend(self.legend, self.cell_width, self.small_font)
        fits = len(rows) > 1 and in_cell.height <= tile_height
        below = draw_legend(() if fits else self.legend, width - left - self.gap, self.small_font)
        height = rows_bottom + key_height + below.height + (self.gap if below.height else 0)

        self.canvas = Image.new("RGB", (width, height), BACKGROUND)
        self.pen = ImageDraw.Draw(self.canvas)
        if self.title:
            self.pen.text((left, self.gap), self.title, INK, self.font)
        x_of = {name: left + i * (self.cell_width + self.gap) for i, name in enumerate([None, *self.tasks])}
        for task, x in x_of.items():
            text = "image" if task is None else task_title(task)
            text = _shorten(text, self.font, self.cell_width)
            self.pen.text((x + self.cell_width / 2, top - self.line / 2), text, INK, self.font, anchor="mm")
        for i, row in enumerate(rows):
            y = top + i * (tile_height + self.gap)
            if row:
                self._row_title(row, left, y)
            for task, x in x_of.items():
                if task is None:
                    if i == 0:
                        self._paste(self.image_tile, x, y)
                else:
                    self._paste(self.tiles.get((row, task)) or self._empty_tile(row), x, y)
        for task in self.tasks:
            self._draw_key(task, x_of[task], rows_bottom)
        if fits:
            self.canvas.paste(in_cell, (x_of[None], top + tile_height + self.gap))
        elif below.height:
            self.canvas.paste(below, (left, rows_bottom + key_height))
        return np.asarray(self.canvas).copy()

    def _paste(self, tile: Image.Image, x: int, y: int) -> None:
        self.canvas.paste(tile, (x + (self.cell_width - tile.width) // 2, y))

    def _row_title(self, row: str, left: int, y: int) -> None:
        length = max(1, round(self.font.getlength(row)))
        text = Image.new("RGB", (length, self.line), BACKGROUND)
        ImageDraw.Draw(text).text((length / 2, self.line / 2), row, INK, self.font, anchor="mm")
        text = text.rotate(90, expand=True)
        # If the tile is lower than its title is long, the title is cut instead of overlapping the next row.
        text = text.crop((0, 0, text.width, min(text.height, self.tile_size[1])))
        x = left - self.line - self.gap // 4
        self.canvas.paste(text, (x, y + (self.tile_size[1] - text.height) // 2))

    def _empty_tile(self, row: str) -> Image.Image:
        tile = Image.new("RGB", self.tile_size, EMPTY_TILE)
        text = "no label" if row == "ground truth" else "no prediction"
        centre = (self.tile_size[0] / 2, self.tile_size[1] / 2)
        ImageDraw.Draw(tile).text(centre, text, FAINT_INK, self.font, anchor="mm")
        return tile

    def _key_height(self) -> int:
        bar = round(self.small_font.size * 2.6) if any(self.bars.values()) else 0
        swatches = [
            draw_legend(swatches, self.cell_width, self.small_font).height + self.gap // 2 if swatches else 0
            for swatches in self.swatches.values()
        ]
        # Always reserve one line, so that holes in a depth map do not change the size of the panel.
        line = round(self.small_font.size * 1.5) + self.gap // 2 if self.bars else 0
        return bar + max([line, *swatches])

    def _draw_key(self, task: str, x: int, y: int) -> None:
        bar = self.bars[task]
        if bar:
            y = self._draw_bar(bar, x, y)
        if self.swatches[task]:
            self.canvas.paste(draw_legend(self.swatches[task], self.cell_width, self.small_font), (x, y))

    def _draw_bar(self, bar: ColourBar, x: int, y: int) -> int:
        from matplotlib.ticker import MaxNLocator

        thickness = round(self.small_font.size * 0.9)
        length = self.tile_size[0]
        x += (self.cell_width - length) // 2
        gradient = Image.fromarray(bar.table[None]).resize((length, thickness), Image.Resampling.BILINEAR)
        self.canvas.paste(gradient, (x, y))
        ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(bar.low, bar.high)
        span = max(bar.high - bar.low, 1e-12)
        for tick in ticks:
            if bar.low <= tick <= bar.high:
                at = x + (tick - bar.low) / span * (length - 1)
                self.pen.line([(at, y + thickness), (at, y + thickness + 4)], INK)
                text = f"{tick:g} {bar.unit}".strip()
                half = self.small_font.getlength(text) / 2
                centre = min(max(at, x + half), x + length - half)
                self.pen.text((centre, y + thickness + 5), text, INK, self.small_font, anchor="ma")
        return y + round(self.small_font.size * 2.6)


def draw_legend(entries: Sequence[Swatch], width: int, font: ImageFont.FreeTypeFont) -> Image.Image:
    """Draw swatches with their names in columns.

    Args:
        entries: (name, colour) pairs.
        width: Width of the picture in pixels.
        font: Font of the names.
    """
    if not entries:
        return Image.new("RGB", (max(width, 1), 0), BACKGROUND)
    side = round(font.size * 1.1)
    line = round(font.size * 1.5)
    step = side + round(font.size * 0.4)
    longest = max(font.getlength(name) for name, _ in entries)
    column_width = min(width, round(step + longest + font.size))
    columns = min(len(entries), max(1, width // column_width))
    lines = -(-len(entries) // columns)
    legend = Image.new("RGB", (width, lines * line), BACKGROUND)
    pen = ImageDraw.Draw(legend)
    for i, (name, colour) in enumerate(entries):
        x, y = i // lines * column_width, i % lines * line
        pen.rectangle([x, y, x + side - 1, y + side - 1], fill=tuple(colour), outline=FAINT_INK)
        name = _shorten(name, font, width - step)
        pen.text((x + step, y + side / 2), name, INK, font, anchor="lm")
    return legend


def _tile_size(height: int, width: int) -> tuple[int, int]:
    """(width, height) of the tiles of an image."""
    longer = max(height, width)
    scale = min(max(longer, LONG_SIDE[0]), LONG_SIDE[1]) / longer
    return max(1, round(width * scale)), max(1, round(height * scale))


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _shorten(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, cut and with three dots if it is longer than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def _channels_first(values: Any) -> Any:
    if isinstance(values, dict | list | tuple):  # a tree of maps, for a registered painter
        return values
    values = np.asarray(values)
    if values.ndim not in (1, 2, 3):
        raise ValueError(
            "A map of a panel must be (C, H, W) or (H, W), or (K,) for one vector per image, but its shape is "
            f"{values.shape}."
        )
    return values[None] if values.ndim == 2 else values
