from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mtl_plugins.functional.sparse_readings import place_over
from mtl_plugins.kinds import ColourBar, Painted, task_title
from mtl_plugins.kinds.painted import Swatch

from .panel_layout import IMAGE, KEYS, Cell, arrange_cells, is_wide
from .task_painters import paint_task

LONG_SIDE = (400, 640)  # pixels: a smaller tile is enlarged so that its text fits, a larger one reduced
WIDE_LONG_SIDE = (640, 1000)  # of wide images, which are drawn one below the other
MAX_SIDE = 2700  # pixels: panels of many tasks have smaller tiles, but not below the minimum
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
    tasks: Sequence[str] = (),
) -> np.ndarray:
    """Paint one image and its maps as a labelled panel.

    A panel has one column per task, with rows for ground truth and prediction. A map that only one of the rows has is
    replaced by a grey tile in the other; a row without any map is left out. Images that are at least twice as wide as
    high are drawn one below the other, without tiles for maps that only one of the rows has.

    Ground truth and prediction of a task share one range of colours. Text needs Pillow 10.1 or newer, whose default
    font can be scaled.

    Args:
        image: uint8 (H, W, 3), RGB.
        gt: Ground truth, `{task: array (C, H', W') or (H', W')}`.
        pred: Prediction, in the same form.
        meta: The dataset's METAINFO; `classes` and `palette` (RGB) are those of `semseg`, `task_classes` those of
            other tasks; `kinds` states the kinds of tasks with other names.
        title: A line above the panel.
        tasks: Tasks to show first, in this order. Those without any map get a grey tile.

    Returns:
        uint8 (H'', W'', 3), RGB. Images of one size with the same tasks and rows give panels of one size, unless they
        are wide or the class legend is too long for its place.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"The image of a panel must be uint8 (H, W, 3), but it is {image.dtype} {image.shape}.")
    panel = (_Stack if is_wide(*image.shape[:2]) else _Columns)(image, gt or {}, pred or {}, meta or {}, title, tasks)
    return np.asarray(panel.draw()).copy()


class _Panel:
    """The painted tiles of a panel and their cells."""

    wide: bool

    def __init__(
        self,
        image: np.ndarray,
        gt: Mapping[str, np.ndarray],
        pred: Mapping[str, np.ndarray],
        meta: Mapping[str, Any],
        title: str,
        tasks: Sequence[str],
    ):
        self.title = title
        self.rows = {name: maps for name, maps in (("ground truth", gt), ("prediction", pred)) if maps}
        if tasks and not self.rows:
            self.rows = {"ground truth": {}}
        self.tasks = list(dict.fromkeys([*tasks, *pred, *gt]))  # the model's order, the same for each image
        self.cells = arrange_cells(self.wide, self.tasks, self.rows)
        self.tile_size = self.choose_tile_size(*image.shape[:2])
        self.cell_width = max(self.tile_size[0], MIN_CELL_WIDTH)
        self.font = _font(max(15, round(self.text_width() / 24)))
        self.small_font = _font(max(13, round(self.text_width() / 29)))
        self.line = round(self.font.size * 1.6)
        self.gap = max(8, round(self.text_width() / 40))
        image_tile = Image.fromarray(image).resize(self.tile_size, Image.Resampling.LANCZOS)
        self.tiles: dict[Cell, Image.Image] = {IMAGE: image_tile}
        self.painted: dict[str, Painted] = {}
        for task in self.tasks:
            present = [row for row, maps in self.rows.items() if task in maps]
            maps = [_channels_first(self.rows[row][task]) for row in present]
            painted = paint_task(task, maps, meta) if maps else Painted(())
            self.painted[task] = painted
            for row, picture in zip(present, painted.pictures, strict=True):
                self.tiles[Cell(task, row)] = place_over(image_tile, picture)

    def choose_tile_size(self, height: int, width: int) -> tuple[int, int]:
        """(width, height) of the tiles of an image."""
        raise NotImplementedError

    def text_width(self) -> int:
        """The width that the size of text follows."""
        return self.cell_width

    def draw(self) -> Image.Image:
        raise NotImplementedError

    def draw_key(self, task: str, width: int) -> Image.Image:
        """The colour bar and swatches of a task; of height 0 if it has none."""
        painted = self.painted[task]
        parts = [draw_colour_bar(painted.bar, width, self.small_font)] if painted.bar else []
        if painted.swatches:
            parts.append(draw_legend(painted.swatches, width, self.small_font))
        return _one_below_the_other(parts, width)

    def empty_tile(self, row: str | None) -> Image.Image:
        """The tile of a missing map."""
        tile = Image.new("RGB", self.tile_size, EMPTY_TILE)
        text = "no label" if row == "ground truth" else "no prediction"
        centre = (self.tile_size[0] / 2, self.tile_size[1] / 2)
        ImageDraw.Draw(tile).text(centre, text, FAINT_INK, self.font, anchor="mm")
        return tile

    def new_canvas(self, width: int, height: int) -> Image.Image:
        self.canvas = Image.new("RGB", (width, height), BACKGROUND)
        self.pen = ImageDraw.Draw(self.canvas)
        return self.canvas


class _Columns(_Panel):
    """A panel with one column per task."""

    wide = False

    def choose_tile_size(self, height: int, width: int) -> tuple[int, int]:
        low, high = LONG_SIDE
        return _tile_size(height, width, low, max(low, min(high, MAX_SIDE // len(self.cells[0]))))

    def draw(self) -> Image.Image:
        tile_height = self.tile_size[1]
        left = self.line + self.gap if self.rows else self.gap
        top = self.gap + (self.line if self.title else 0) + self.line
        step = self.cell_width + self.gap
        width = left + len(self.cells[0]) * step
        tiles_bottom = top + len(self.cells) * (tile_height + self.gap)

        free = len(self.cells) > 1  # the cell below the image
        # tasks may share their classes, such as semseg and panoptic
        legend = list(dict.fromkeys(entry for task in self.tasks for entry in self.painted[task].legend))
        in_cell = draw_legend(legend, self.cell_width, self.small_font)
        below: list[Image.Image] = []
        if not (free and 0 < in_cell.height <= tile_height):
            in_cell = self._all_keys()
            if not (free and 0 < in_cell.height <= tile_height):
                in_cell = _one_below_the_other([], self.cell_width)
                below.append(self._key_strip(width, left, step))
            if legend:
                long_legend = draw_legend(legend, width - left - self.gap, self.small_font)
                below += [_indented(long_legend, left, width), Image.new("RGB", (width, self.gap), BACKGROUND)]
        else:
            below.append(self._key_strip(width, left, step))
        bottom = _one_below_the_other(below, width)

        self.new_canvas(width, tiles_bottom + bottom.height)
        if self.title:
            self.pen.text((left, self.gap), self.title, INK, self.font)
        for column, task in enumerate([None, *self.tasks]):
            text = _shorten("image" if task is None else task_title(task), self.font, self.cell_width)
            x = left + column * step
            self.pen.text((x + self.cell_width / 2, top - self.line / 2), text, INK, self.font, anchor="mm")
        for i, (cells, row) in enumerate(zip(self.cells, self.rows or [""], strict=True)):
            y = top + i * (tile_height + self.gap)
            if row:
                self._row_title(row, left, y)
            for column, cell in enumerate(cells):
                x = left + column * step
                if cell == KEYS:
                    self.canvas.paste(in_cell, (x, y))
                elif cell == IMAGE and free and not in_cell.height:  # nothing to show below the image
                    self._paste(self.tiles[IMAGE], x, y + (tile_height + self.gap) // 2)
                else:
                    self._paste(self.tiles.get(cell) or self.empty_tile(row), x, y)
        self.canvas.paste(bottom, (0, tiles_bottom))
        return self.canvas

    def _all_keys(self) -> Image.Image:
        """The keys of all tasks one below the other, with their titles."""
        parts = []
        for task in self.tasks:
            key = self.draw_key(task, self.cell_width)
            if key.height:
                parts += [_text(task_title(task), self.cell_width, self.small_font), key]
        return _one_below_the_other(parts, self.cell_width, self.gap // 2)

    def _key_strip(self, width: int, left: int, step: int) -> Image.Image:
        """The keys below their tasks' columns."""
        keys = {task: self.draw_key(task, self.cell_width) for task in self.tasks}
        # Always reserve one line, so that holes in a depth map do not change the size of the panel.
        line = round(self.small_font.size * 1.5)
        bar = _bar_height(self.small_font) if any(self.painted[task].bar for task in self.tasks) else 0
        height = max([bar + line, *(key.height for key in keys.values())]) + self.gap // 2 if keys else 0
        strip = Image.new("RGB", (width, height), BACKGROUND)
        for i, key in enumerate(keys.values()):
            strip.paste(key, (left + (1 + i) * step, 0))
        return strip

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


class _Stack(_Panel):
    """A panel of a wide image: one tile below the other, and below the tiles of a task its legend and colour bar."""

    wide = True

    def choose_tile_size(self, height: int, width: int) -> tuple[int, int]:
        low, high = WIDE_LONG_SIDE
        fitting = round(MAX_SIDE / len(self.cells) * width / height)
        return _tile_size(height, width, low, max(low, min(high, fitting)))

    def text_width(self) -> int:
        return self.cell_width // 2  # a wide tile is low

    def draw(self) -> Image.Image:
        width = self.cell_width
        blocks = [_text(self.title, width, self.font)] if self.title else []
        for i, (cell,) in enumerate(self.cells):
            heading = "image" if cell == IMAGE else f"{task_title(str(cell.task))}: {cell.row}"
            tile = self.tiles.get(cell) or self.empty_tile(cell.row)
            parts = [_text(heading, width, self.font), tile]
            last = i + 1 == len(self.cells) or self.cells[i + 1][0].task != cell.task
            if cell.task is not None and last:
                legend = draw_legend(self.painted[cell.task].legend, width, self.small_font)
                parts += [part for part in (legend, self.draw_key(cell.task, width)) if part.height]
            blocks.append(_one_below_the_other(parts, width, self.gap // 3))
        body = _one_below_the_other(blocks, width, self.gap // 2)
        canvas = self.new_canvas(width + 2 * self.gap, body.height + 2 * self.gap)
        canvas.paste(body, (self.gap, self.gap))
        return canvas


def draw_colour_bar(bar: ColourBar, length: int, font: ImageFont.FreeTypeFont) -> Image.Image:
    """Draw a colour bar with ticks at round numbers.

    Args:
        bar: The colours and their range.
        length: Width of the picture in pixels.
        font: Font of the numbers.
    """
    thickness = round(font.size * 0.9)
    picture = Image.new("RGB", (length, _bar_height(font)), BACKGROUND)
    picture.paste(Image.fromarray(bar.table[None]).resize((length, thickness), Image.Resampling.BILINEAR), (0, 0))
    pen = ImageDraw.Draw(picture)
    ticks = bar.scale.ticks()
    free = 0.0  # where the next number may begin
    for tick, place in zip(ticks, bar.scale.place(np.array(ticks)), strict=True):
        at = place * (length - 1)
        pen.line([(at, thickness), (at, thickness + 4)], INK)
        text = f"{tick:g} {bar.unit}".strip()
        half = font.getlength(text) / 2
        centre = min(max(at, half), length - half)
        if centre - half >= free:
            pen.text((centre, thickness + 5), text, INK, font, anchor="ma")
            free = centre + half + font.size / 3
    return picture


def _bar_height(font: ImageFont.FreeTypeFont) -> int:
    return round(font.size * 2.6)


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


def _tile_size(height: int, width: int, low: int, high: int) -> tuple[int, int]:
    """(width, height) of the tiles of an image, whose longer side is between `low` and `high`."""
    longer = max(height, width)
    scale = min(max(longer, low), high) / longer
    return max(1, round(width * scale)), max(1, round(height * scale))


def _text(text: str, width: int, font: ImageFont.FreeTypeFont) -> Image.Image:
    """A line of text."""
    picture = Image.new("RGB", (width, round(font.size * 1.3)), BACKGROUND)
    shortened = _shorten(text, font, width)
    ImageDraw.Draw(picture).text((0, picture.height / 2), shortened, INK, font, anchor="lm")
    return picture


def _one_below_the_other(pictures: Sequence[Image.Image], width: int, gap: int = 0) -> Image.Image:
    """Pictures below each other, left-aligned."""
    height = sum(picture.height for picture in pictures) + gap * len(pictures)
    result = Image.new("RGB", (max(width, 1), height), BACKGROUND)
    y = 0
    for picture in pictures:
        result.paste(picture, (0, y))
        y += picture.height + gap
    return result


def _indented(picture: Image.Image, left: int, width: int) -> Image.Image:
    result = Image.new("RGB", (width, picture.height), BACKGROUND)
    result.paste(picture, (left, 0))
    return result


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
