# NYUDv2, KITTI's depth and KITTI-6 in one training run. Each batch comes from one dataset: image sizes differ.
_base_ = "kitti.py"
data_root = "data"
batch_size = 6
nyud_pipeline = [
    dict(type="RandomZoom", scale=(0.8, 2.0), p=0.5),
    dict(type="RandomCrop", size=(480, 480)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
kitti_pipeline = [
    dict(type="RandomZoom", scale=(0.8, 1.5), p=0.5),
    dict(type="RandomCrop", size=(352, 704)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PackSample")]
nyud = dict(type="NYUDv2", data_root="{data_root}/nyud")
kitti = {**_base_.depth, "data_root": "{data_root}/kitti/depth"}
kitti6 = {**_base_.kitti6, "data_root": "{data_root}/kitti/kitti6"}
train_dataloader = dict(
    batch_size=batch_size,
    sampler=dict(weights=dict(_delete_=True, nyud=2, kitti=1.5, kitti6=0.5), length=3000, batch_size=batch_size),
    dataset=dict(
        datasets=dict(
            _delete_=True,
            nyud=dict(split="train", pipeline=nyud_pipeline, **nyud),
            kitti=dict(split="train", pipeline=kitti_pipeline, **kitti),
            kitti6=dict(split="train", pipeline=kitti_pipeline, **kitti6),
        ),
    ),
)
val_dataloader = dict(
    dataset=dict(
        datasets=dict(
            _delete_=True,
            nyud=dict(split="val", pipeline=test_pipeline, **nyud),
            kitti=dict(split="val", pipeline=test_pipeline, **kitti),
            kitti6=dict(split="val", pipeline=test_pipeline, **kitti6),
        ),
    ),
)
test_dataloader = val_dataloader
