# The drive of kitti_drive.py, and CamVid's images of streets with the same six classes. The drive has depth and no
# classes, CamVid classes and no depth. Evaluation: depth on the drive's end, classes on KITTI's semantic benchmark.
_base_ = "kitti_drive.py"
camvid_pipeline = [
    dict(type="RandomZoom", scale=(0.8, 1.6), p=1.0),  # no image of CamVid has depth
    dict(type="RandomCrop", size=_base_.size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.5, contrast=0.5, saturation=0.5, hue=0.1),
    dict(type="PackSample"),
]
camvid = dict(type="CamVid", data_root="{data_root}/camvid", label_space="kitti6")
labelled = dict(type="KITTISemantic", data_root="{data_root}/kitti_semantic", label_space="kitti6")
train_dataloader = dict(
    sampler=dict(weights=dict(drive=1, camvid=2)),
    dataset=dict(datasets=dict(camvid=dict(split="train", pipeline=camvid_pipeline, **camvid))),
)
val_dataloader = dict(
    dataset=dict(datasets=dict(labelled=dict(split="trainval", pipeline=_base_.test_pipeline, **labelled))),
)
test_dataloader = val_dataloader
