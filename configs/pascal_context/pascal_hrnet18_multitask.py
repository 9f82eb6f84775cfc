# PASCAL-Context, five tasks, HRNet-18 with a head of HRNetV2 for each task.
_base_ = [
    "../_base_/models/pascal_context.py",
    "../_base_/datasets/pascal_context.py",
    "../_base_/schedules/iterations_40k.py",
]
decoder = dict(type="ConcatFeatures")
model = dict(
    backbone=dict(
        type="TimmBackbone", model_name="hrnet_w18", pretrained=True, out_features=[1, 2, 3, 4], feature_location=""
    ),
    heads=dict(
        semseg=dict(decoder=decoder),
        parts=dict(decoder=decoder),
        saliency=dict(decoder=decoder),
        normals=dict(decoder=decoder),
        edge=dict(decoder=decoder),
    ),
)
