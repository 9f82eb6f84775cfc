# NYUDv2, four tasks, Swin-T with a UPerNet decoder for each task.
_base_ = [
    "../_base_/models/nyud_mt.py",
    "../_base_/datasets/nyud_mt.py",
    "../_base_/schedules/iterations_40k_vit.py",
]
decoder = dict(type="SMPDecoder", arch="UPerNet")
model = dict(
    backbone=dict(type="TimmBackbone", model_name="swin_tiny_patch4_window7_224", pretrained=True),
    heads=dict(
        semseg=dict(decoder=decoder),
        depth=dict(decoder=decoder),
        normals=dict(decoder=decoder),
        edge=dict(decoder=decoder),
    ),
)
