"""Which format a file has, by its first bytes; names are often wrong."""

from .image_problem import ImageProblem

#: Endings of the image files that are read.
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")

NPY = "NPY"
_NAMES = "JPEG, PNG, WebP, GIF, BMP or TIFF"
_READABLE = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\x93NUMPY", NPY),
)
_EXPORT_IMAGE = "Convert it to PNG or JPEG."
_EXPORT_VALUES = "Convert it to a 16-bit PNG, a float32 TIFF or an NPY file."
# First bytes, name, advice
_KNOWN = (
    (b"\x76\x2f\x31\x01", "an OpenEXR file", _EXPORT_VALUES),
    (b"#?RADIANCE", "a Radiance HDR file", _EXPORT_IMAGE),
    (b"Pf\n", "a PFM file", _EXPORT_VALUES),
    (b"PF\n", "a PFM file", _EXPORT_VALUES),
    *((f"P{n}{space}".encode(), "a PNM file", _EXPORT_IMAGE) for n in range(1, 8) for space in "\n "),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 file", _EXPORT_IMAGE),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file", _EXPORT_IMAGE),
    (b"\0\0\0\x0cJXL ", "a JPEG XL file", _EXPORT_IMAGE),
    (b"\xff\x0a", "a JPEG XL file", _EXPORT_IMAGE),
    (b"8BPS", "a Photoshop file", _EXPORT_IMAGE),
    (b"%PDF", "a PDF file", _EXPORT_IMAGE),
    (b"\0\0\1\0", "an icon file", _EXPORT_IMAGE),
    (b"<svg", "an SVG file", _EXPORT_IMAGE),
    (b"\x89HDF", "an HDF5 file", _EXPORT_VALUES),
    (b"MATLAB", "a MATLAB file", _EXPORT_VALUES),
    (b"PK\3\4", "a ZIP or NPZ archive", "Unpack it."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it."),
    (b"version https://git-lfs", "a pointer to a file in Git LFS", "Download the file itself with `git lfs pull`."),
)
_HEIF = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}


def find_format(data: bytes) -> str:
    """The format of a file: `'JPEG'`, `'PNG'`, `'WebP'`, `'GIF'`, `'BMP'`, `'TIFF'` or `'NPY'`.

    Raises:
        ImageProblem: The file is empty, has another format, or is not an image.
    """
    for start, name in _READABLE:
        if data.startswith(start):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if not data:
        raise ImageProblem("the file is empty")
    if not data.strip(b"\0"):
        raise ImageProblem("the file contains only zeros")
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        name = "a HEIC file" if brand in _HEIF else "an AVIF file" if brand in _AVIF else "a video"
        raise _unsupported(name, _EXPORT_IMAGE)
    for start, name, advice in _KNOWN:
        if data.startswith(start):
            raise _unsupported(name, advice)
    raise ImageProblem(f"it is not a {_NAMES} file")


def _unsupported(name: str, advice: str) -> ImageProblem:
    return ImageProblem(f"it is {name}, which is not supported", advice)
