# One scene of 7-Scenes: depth, and normals computed from it, trained at half of the images' size. `Resize` comes before
# `RandomZoom`: an input size keeps the metres, a zoom changes them. The cache avoids computing normals in each epoch.
_base_ = "../loaders.py"
data_root = "data/sevenscenes"
size = (240, 320)  # of the network's input; predictions and metrics have the images' own size, 480x640
train_pipeline = [
    dict(type="Resize", size=size),
    dict(type="RandomZoom", scale=(0.8, 1.25), p=0.5),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = test_pipeline
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(type="SevenScenes", split="train", cache="memory", pipeline=train_pipeline),
)
val_dataloader = dict(num_workers=1, dataset=dict(type="SevenScenes", split="val", pipeline=test_pipeline))
test_dataloader = val_dataloader
