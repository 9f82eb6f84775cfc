"""Facts about KITTI's official data."""

#: Where KITTI's archives can be downloaded, without a login.
URL = "https://s3.eu-central-1.amazonaws.com/avg-kitti"
#: The two colour cameras: left and right.
CAMERAS = (2, 3)
#: Value of the 16-bit depth PNGs for one metre.
DEPTH_SCALE = 256.0
#: The splits of the improved ground truth.
ANNOTATED_SPLITS = ("train", "val")
