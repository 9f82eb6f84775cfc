import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mtl_plugins.kinds import task_title

from .task_painters import paint_task

LONG_SIDE = (400, 640)  # pixels: a smaller tile is enlarged so that its text fits, a larger one reduced
MIN_CELL_WIDTH = 240
BACKGROUND = (255, 255, 255)
INK = (32, 33, 36)
FAINT_INK = (130, 134, 139)
EMPTY_TILE = (238, 239, 241)


def draw_panel(image, gt=None, pred=None, meta=None, title=""):
    """One labelled picture: columns are the image and its tasks, rows are ground truth and prediction.

    Args:
        image: uint8 (H, W, 3) RGB.
        gt, pred: {task: array (C, H', W') or (H', W')}. A label that one row lacks is a tile that says so;
            a row that has nothing at all is left out. Truth and prediction share one range of colours.
        meta: the dataset's METAINFO; ``classes`` and ``palette`` (RGB) are used for ``semseg``.
        title: a line above the panel.

    Returns uint8 (H'', W'', 3), RGB. For the same image size, tasks and rows the size is the same, unless the
    class legend is too long for its place. Text needs Pillow 10.1 or newer, whose own font can be scaled.
    """
    return _Panel(np.asarray(image), gt or {}, pred or {}, meta or {}, title).draw()


class _Panel:
    def __init__(self, image, gt, pred, meta, title):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"the image of a panel must be uint8 (H, W, 3), but it is {image.dtype} {image.shape}")
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
        self.tiles, self.bars, self.swatches, self.legend = {}, {}, {}, ()
        for task in self.tasks:
            self._paint(task, meta)

    def _paint(self, task, meta):
        having = [(row, _channels_first(maps[task])) for row, maps in self.rows if task in maps]
        painted = paint_task(task, [values for _, values in having], meta)
        for (row, _), picture in zip(having, painted.pictures, strict=True):
            # Nearest: between two class colours there is no third class.
            tile = Image.fromarray(picture).resize(self.tile_size, Image.Resampling.NEAREST)
            self.tiles[row, task] = tile
        self.bars[task], self.swatches[task] = painted.bar, painted.swatches
        self.legend += painted.legend

    def draw(self):
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

    def _paste(self, tile, x, y):
        self.canvas.paste(tile, (x + (self.cell_width - tile.width) // 2, y))

    def _row_title(self, row, left, y):
        length = max(1, round(self.font.getlength(row)))
        text = Image.new("RGB", (length, self.line), BACKGROUND)
        ImageDraw.Draw(text).text((length / 2, self.line / 2), row, INK, self.font, anchor="mm")
        text = text.rotate(90, expand=True)
        # A tile less high than its title is long: the title is cut, never over the next row's.
        text = text.crop((0, 0, text.width, min(text.height, self.tile_size[1])))
        x = left - self.line - self.gap // 4
        self.canvas.paste(text, (x, y + (self.tile_size[1] - text.height) // 2))

    def _empty_tile(self, row):
        tile = Image.new("RGB", self.tile_size, EMPTY_TILE)
        text = "no label" if row == "ground truth" else "no prediction"
        centre = (self.tile_size[0] / 2, self.tile_size[1] / 2)
        ImageDraw.Draw(tile).text(centre, text, FAINT_INK, self.font, anchor="mm")
        return tile

    def _key_height(self):
        bar = round(self.small_font.size * 2.6) if any(self.bars.values()) else 0
        swatches = [
            draw_legend(swatches, self.cell_width, self.small_font).height + self.gap // 2 if swatches else 0
            for swatches in self.swatches.values()
        ]
        # Room for one line is always kept, so that holes in a depth map do not change the panel's size.
        line = round(self.small_font.size * 1.5) + self.gap // 2 if self.bars else 0
        return bar + max([line, *swatches])

    def _draw_key(self, task, x, y):
        if self.bars[task]:
            y = self._draw_bar(self.bars[task], x, y)
        if self.swatches[task]:
            self.canvas.paste(draw_legend(self.swatches[task], self.cell_width, self.small_font), (x, y))

    def _draw_bar(self, bar, x, y):
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


def draw_legend(entries, width, font):
    """(name, colour) pairs as swatches with their names, in columns within ``width`` pixels: a PIL image."""
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


def _tile_size(height, width):
    """(width, height) of a tile for an image of this size."""
    longer = max(height, width)
    scale = min(max(longer, LONG_SIDE[0]), LONG_SIDE[1]) / longer
    return max(1, round(width * scale)), max(1, round(height * scale))


def _font(size):
    return ImageFont.load_default(size)


def _shorten(text, font, width):
    """``text``, cut with three dots where it is longer than ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def _channels_first(values):
    values = np.asarray(values)
    if values.ndim not in (2, 3):
        raise ValueError(f"a map of a panel must be (C, H, W) or (H, W), but its shape is {values.shape}")
    return values[None] if values.ndim == 2 else values
