"""Writes the MATLAB files of BSDS500, PASCAL-Context and PASCAL-Part."""

import numpy as np
import scipy.io


def struct_array(elements, fields):
    """A MATLAB struct array (1, N)."""
    array = np.empty((1, len(elements)), dtype=[(field, object) for field in fields])
    for i, element in enumerate(elements):
        for field in fields:
            array[0, i][field] = element[field]
    return array


def save(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, content, do_compression=True)
    return path


def write_ground_truth(path, boundaries):
    """`groundTruth` of BSDS500: a cell with one struct per annotator."""
    cell = np.empty((1, len(boundaries)), object)
    for i, boundary in enumerate(boundaries):
        fields = dict(Segmentation=boundary.astype(np.uint16) + 1, Boundaries=boundary.astype(np.uint8))
        cell[0, i] = struct_array([fields], ["Segmentation", "Boundaries"])
    return save(path, groundTruth=cell)


def write_label_map(path, labels):
    """`LabelMap` of PASCAL-Context."""
    return save(path, LabelMap=labels.astype(np.uint16))


def write_parts(path, objects):
    """`anno` of PASCAL-Part.

    Args:
        path: The file.
        objects: (class, mask, {name of a part: mask}) of each object.
    """
    structs = []
    for name, mask, parts in objects:
        found = [dict(part_name=part, mask=each.astype(np.uint8)) for part, each in parts.items()]
        parts = struct_array(found, ["part_name", "mask"]) if found else np.empty((0, 0))
        structs.append({"class": name, "class_ind": 15.0, "mask": mask.astype(np.uint8), "parts": parts})
    anno = struct_array(
        [dict(imname=path.stem, objects=struct_array(structs, ["class", "class_ind", "mask", "parts"]))],
        ["imname", "objects"],
    )
    return save(path, anno=anno)
