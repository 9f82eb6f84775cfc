# PASCAL-Context, five tasks, ViT-S/16 trained by DINO with a DPT decoder for each task.
_base_ = [
    "../_base_/models/pascal_context.py",
    "../_base_/datasets/pascal_context.py",
    "../_base_/schedules/iterations_40k_vit.py",
]
decoder = dict(type="DPT", channels=128)
model = dict(
    backbone=dict(
        type="TimmBackbone", model_name="vit_small_patch16_224.dino", pretrained=True, out_features=[2, 5, 8, 11]
    ),
    heads=dict(
        semseg=dict(decoder=decoder),
        parts=dict(decoder=decoder),
        saliency=dict(decoder=decoder),
        normals=dict(decoder=decoder),
        edge=dict(decoder=decoder),
    ),
)
