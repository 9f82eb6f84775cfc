"""The summary of a prepared dataset: numbers of images and labels, classes, depth range, and what is missing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mtl_plugins.label_spaces import VOID


def image_statistics(
    tasks: Iterable[str], semseg: np.ndarray | None = None, depth: np.ndarray | None = None
) -> dict[str, Any]:
    """Statistics of one image for `summarize`; small, whatever the size of the image.

    Args:
        tasks: Tasks that have a label.
        semseg: Class ids, uint8, 255 for void.
        depth: Metres; 0 means no reading.
    """
    found: dict[str, Any] = dict(tasks=tuple(tasks))
    if semseg is not None:
        found["counts"] = np.bincount(np.ravel(semseg), minlength=VOID + 1)
    if depth is not None and (readings := depth[depth > 0]).size:
        found["depth"] = (float(readings.min()), float(readings.max()))
    return found


def summarize(
    found: Sequence[dict[str, Any]], splits: dict[str, int], classes: Sequence[str], tasks: Iterable[str]
) -> dict[str, Any]:
    """Summary of a dataset for its marker file (JSON): `num_<split>`, `images`, `labels`, `share`, `depth_range`, …

    Args:
        found: `image_statistics` of each image.
        splits: Number of images by split.
        classes: Class names in the order of their ids.
        tasks: Tasks that images may have labels for.
    """
    counts = sum((image["counts"] for image in found if "counts" in image), np.zeros(VOID + 1, int))
    share = (counts / max(counts.sum(), 1)).tolist()
    depths = union_of_ranges(image["depth"] for image in found if "depth" in image)
    return dict(
        **{f"num_{split}": number for split, number in splits.items()},
        images=len(found),
        labels={task: sum(task in image["tasks"] for image in found) for task in tasks},
        classes=list(classes),
        share={name: part for name, part in zip(classes, share, strict=False) if part},
        **({"void": share[VOID]} if share[VOID] else {}),
        **({"depth_range": depths} if depths else {}),
    )


def union_of_ranges(ranges: Iterable[Sequence[float]]) -> list[float] | None:
    """[smallest, largest] over several (min, max); None if there are none."""
    ranges = list(ranges)
    return [min(low for low, _ in ranges), max(high for _, high in ranges)] if ranges else None


def print_summary(
    head: str, summary: Mapping[str, Any], known: Mapping[str, Any] | None = None, title: str = ""
) -> None:
    """Print a first line, the summary, and each of `find_differences`."""
    notes = (f"note: {text}" for text in find_differences(summary, known or {}, title))
    print(head, _format_summary(summary), *notes, sep="\n")


def find_differences(summary: Mapping[str, Any], known: Mapping[str, Any], title: str) -> list[str]:
    """One sentence for each number of the complete official dataset that the summary does not match.

    Args:
        summary: The result of `summarize`.
        known: Keys of the summary with the official numbers, such as `dict(num_train=795, labels=dict(depth=1449))`.
        title: Name of the dataset.
    """
    known = {**known, **known.get("labels", {})}
    actual = {**summary, **summary["labels"]}
    return [
        f"{_describe(key)}: {actual.get(key, 0)} found, but the complete official {title} has {expected}: "
        + (
            "some are missing. Training works, but scores are not comparable with those on the complete dataset."
            if actual.get(key, 0) < expected
            else "there are other files, or another version of the dataset. Scores are not comparable."
        )
        for key, expected in known.items()
        if key != "labels" and actual.get(key, 0) != expected
    ]


def shorten(items: Sequence[object], limit: int) -> str:
    """The first `limit` items as text, and how many more there are."""
    return ", ".join(map(str, items[:limit])) + (f" and {len(items) - limit} more" if len(items) > limit else "")


def _describe(key: str) -> str:
    if key.startswith("num_"):
        return f"images of {key.removeprefix('num_')}"
    return key if key == "images" else f"labels of {key}"


def _format_summary(summary: Mapping[str, Any]) -> str:
    size = " of {} x {}".format(*summary["size"]) if "size" in summary else ""
    splits = ", ".join(f"{key.removeprefix('num_')} {n}" for key, n in summary.items() if key.startswith("num_"))
    labels = ", ".join(f"{task} {n}" for task, n in summary["labels"].items())
    depth = "; depth {:.2f} to {:.2f} m".format(*summary["depth_range"]) if "depth_range" in summary else ""
    lines = [f"{summary['images']} images{size}: {splits}; labels: {labels}{depth}"]
    if summary["share"]:
        share = sorted(summary["share"].items(), key=lambda item: -item[1])
        share += [("void", summary["void"])] if "void" in summary else []
        shown = ", ".join(f"{name} {100 * part:.2f}" for name, part in share)
        lines.append(f"{len(summary['share'])} classes, % of the pixels: {shown}")
    return "\n".join(lines)
