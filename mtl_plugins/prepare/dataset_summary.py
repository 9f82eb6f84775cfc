"""What a preparer says at the end: how many images and labels, which classes, how deep, and whether that is all."""

from collections.abc import Iterable, Sequence

import numpy as np

from mtl_plugins.label_spaces import VOID


def figures(tasks: Iterable[str], semseg=None, depth=None) -> dict:
    """Of one image, for `summarize`: small, whatever the image's size.

    Args:
        tasks: what it has a label of.
        semseg: uint8 class ids, 255 void.
        depth: in metres; 0 no reading.
    """
    found = dict(tasks=tuple(tasks))
    if semseg is not None:
        found["counts"] = np.bincount(np.ravel(semseg), minlength=VOID + 1)
    if depth is not None and (readings := depth[depth > 0]).size:
        found["depth"] = (float(readings.min()), float(readings.max()))
    return found


def summarize(found: Sequence[dict], splits: dict[str, int], classes: Sequence[str], tasks: Iterable[str]) -> dict:
    """What a set holds, for its marker (JSON): ``num_<split>``, ``images``, ``labels``, ``share``, ``depth_range``, ...

    Args:
        found: `figures` of each image.
        splits: number of images of each.
        classes: names, in the order of the ids.
        tasks: what images may have a label of.
    """
    counts = sum((image["counts"] for image in found if "counts" in image), np.zeros(VOID + 1, int))
    share = (counts / max(counts.sum(), 1)).tolist()
    depths = joined_range(image["depth"] for image in found if "depth" in image)
    return dict(
        **{f"num_{split}": number for split, number in splits.items()},
        images=len(found),
        labels={task: sum(task in image["tasks"] for image in found) for task in tasks},
        classes=list(classes),
        share={name: part for name, part in zip(classes, share, strict=False) if part},
        **({"void": share[VOID]} if share[VOID] else {}),
        **({"depth_range": depths} if depths else {}),
    )


def joined_range(ranges: Iterable[tuple[float, float]]) -> list[float] | None:
    """(least, largest) of several, or None of none."""
    ranges = list(ranges)
    return [min(low for low, _ in ranges), max(high for _, high in ranges)] if ranges else None


def report(head: str, summary: dict, known: dict | None = None, title: str = "") -> None:
    """Print a head, the summary in a few lines, and each `differences`."""
    print(head, _table(summary), *(f"note: {text}" for text in differences(summary, known or {}, title)), sep="\n")


def differences(summary: dict, known: dict, title: str) -> list[str]:
    """A sentence for each number of ``known``, what the complete official set has, that the summary has otherwise.

    ``known`` has keys of the summary, such as ``dict(num_train=795, labels=dict(depth=1449))``.
    """
    known = {**known, **known.get("labels", {})}
    held = {**summary, **summary["labels"]}
    return [
        f"{_named(key)}: {held.get(key, 0)} found, but the complete official {title} has {wanted}: "
        + (
            "some are missing. Training works with what there is; its scores are not those of the whole set."
            if held.get(key, 0) < wanted
            else "there are files of something else, or of another version of the set. Scores will not compare."
        )
        for key, wanted in known.items()
        if key != "labels" and held.get(key, 0) != wanted
    ]


def _named(key):
    if key.startswith("num_"):
        return f"images of {key.removeprefix('num_')}"
    return key if key == "images" else f"labels of {key}"


def _table(summary):
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
