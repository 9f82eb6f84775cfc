from mtl_plugins.label_spaces import label_space as find_space


def relabelled(ids, label_space, metainfo):
    """``(class_map, metainfo)`` of a dataset whose files hold the label space ``ids`` and become ``label_space``.

    Where both are the same there is no map, and the metainfo stays as given: the files may then as well hold other
    classes, which it names.
    """
    if label_space == ids:
        return None, metainfo
    return (ids, label_space), {**find_space(label_space).metainfo, **(metainfo or {})}
