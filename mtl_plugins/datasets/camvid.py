from mtl_plugins.label_spaces import label_space as find_space
from mtl_plugins.registry import DATASETS

from .multi_task_dataset import MultiTaskDataset, SampleFiles
from .relabelled import relabelled

_IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")
#: The label space of the annotations, and their id for void.
MASK_IDS, MASK_VOID = "camvid11", 11


@DATASETS.register_module()
class CamVid(MultiTaskDataset):
    """CamVid as in SegNet's tutorial: ``<split>/*.png|jpg`` and ``<split>annot/<same stem>.png``, 11 classes,
    11 void.

    All images of the split's folder are listed; one without an annotation simply lacks that label. A label of
    yours lies under the same stem in its folder: ``labels=dict(depth=dict(folder='{split}depth',
    reader='depth', scale=256))``.

    Args:
        label_space (str): what the annotations' ids become: ``'kitti6'``, or any other space that `class_map` reaches
            from ``'camvid11'``; classes and palette follow.
        **kwargs: see `MultiTaskDataset`.
    """

    METAINFO = find_space(MASK_IDS).metainfo
    HOW_TO_PREPARE = "Prepare it with `python tools/prepare_dataset.py camvid --root {data_root} --download`."

    def __init__(self, data_root, split="train", label_space=MASK_IDS, metainfo=None, **kwargs):
        self.class_map, metainfo = relabelled(MASK_IDS, label_space, metainfo)
        super().__init__(data_root, split, metainfo=metainfo, **kwargs)

    def default_labels(self):
        ids = dict(num_classes=self.num_classes, void_ids=(MASK_VOID,), class_map=self.class_map)
        return dict(semseg=dict(folder="{split}annot", reader="classes", **ids))

    def list_samples(self):
        folder = self._source()
        if not folder.is_dir():
            found = sorted(path.name for path in self.data_root.iterdir() if path.is_dir())
            raise FileNotFoundError(
                f"{self._name()}: there is no folder {folder}; there: {found}. {self._how_to_get()}"
            )
        images = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGE_ENDINGS)
        label_files = {
            task: {path.stem: path for path in self._label_folder(label).glob("*.png")}
            for task, label in self.labels.items()
        }
        return [
            SampleFiles(img, {task: files[img.stem] for task, files in label_files.items() if img.stem in files})
            for img in images
        ]

    def _label_folder(self, label):
        return self.data_root / label["folder"].format(split=self.split)

    def _source(self):
        return self.data_root / self.split
