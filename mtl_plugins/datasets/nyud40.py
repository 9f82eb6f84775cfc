# Names as `className` of NYUDv2's classMapping40.mat spells them; colours chosen to be told apart.
# fmt: off
_NAMES_AND_COLOURS = (
    ("wall", (30, 75, 180)), ("floor", (165, 30, 0)), ("cabinet", (0, 120, 0)),
    ("bed", (165, 255, 135)), ("chair", (180, 90, 195)), ("sofa", (0, 150, 240)),
    ("table", (225, 105, 0)), ("door", (90, 180, 60)), ("window", (255, 150, 255)),
    ("bookshelf", (255, 180, 0)), ("picture", (0, 240, 255)), ("counter", (60, 120, 135)),
    ("blinds", (120, 60, 120)), ("desk", (255, 210, 225)), ("shelves", (135, 105, 30)),
    ("curtain", (255, 120, 150)), ("dresser", (165, 150, 255)), ("pillow", (195, 75, 105)),
    ("mirror", (0, 180, 180)), ("floor mat", (15, 225, 150)), ("clothes", (105, 105, 195)),
    ("ceiling", (180, 150, 0)), ("books", (105, 195, 255)), ("refridgerator", (240, 225, 150)),
    ("television", (0, 150, 105)), ("paper", (180, 210, 60)), ("towel", (150, 120, 150)),
    ("shower curtain", (255, 165, 135)), ("box", (120, 75, 60)), ("whiteboard", (195, 135, 120)),
    ("person", (165, 225, 195)), ("night stand", (210, 180, 240)), ("toilet", (225, 120, 210)),
    ("sink", (165, 30, 90)), ("lamp", (135, 165, 120)), ("bathtub", (45, 105, 75)),
    ("bag", (195, 180, 105)), ("otherstructure", (105, 150, 180)), ("otherfurniture", (105, 135, 0)),
    ("otherprop", (60, 90, 135)),
)
# fmt: on

NYUD40_CLASSES, NYUD40_PALETTE = zip(*_NAMES_AND_COLOURS, strict=True)
