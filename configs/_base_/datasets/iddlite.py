# IDD-Lite in its official folders (320x227, 7 classes). Training uses crops of half the area, which keeps it within an
# hour on two cores; evaluation uses the stored size.
_base_ = "../loaders.py"
data_root = "data/idd_lite"
batch_size = 8
train_pipeline = [
    dict(type="RandomZoom", scale=(0.75, 1.75), p=1.0),
    dict(type="RandomCrop", size=(160, 224)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PackSample")]
train_dataloader = dict(
    batch_size=batch_size, dataset=dict(type="IDDLite", split="train", cache="memory", pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(type="IDDLite", split="val", pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
