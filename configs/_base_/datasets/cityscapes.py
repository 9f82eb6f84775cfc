# Cityscapes in its official folders: 19 classes, and metric depth from the disparity and camera files. `Resize` comes
# before `RandomZoom`: an input size keeps the metres of depth, a zoom changes them.
_base_ = "../loaders.py"
data_root = "data/cityscapes"
size = (512, 1024)  # of the network's input, half of the images' size
train_pipeline = [
    dict(type="Resize", size=size),
    dict(type="RandomZoom", scale=(0.8, 1.5), p=0.5),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = test_pipeline
depth_range = (1.0, 100.0)  # metres
train_dataloader = dict(
    batch_size=6,
    num_workers=4,
    dataset=dict(type="Cityscapes", split="train", depth_range=depth_range, pipeline=train_pipeline),
)
val_dataloader = dict(
    dataset=dict(type="Cityscapes", split="val", depth_range=depth_range, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
