# PASCAL-Context, five tasks: ResNet-50 with a DeepLab head for each task, the baseline of Vandenhende et al.,
# Multi-Task Learning for Dense Prediction Tasks: A Survey, 2021. The last two stages have dilated convolutions instead
# of strides.
_base_ = [
    "../_base_/models/pascal_context.py",
    "../_base_/datasets/pascal_context.py",
    "../_base_/schedules/iterations_40k.py",
]
decoder = dict(type="ASPP")
model = dict(
    backbone=dict(type="TimmBackbone", model_name="resnet50", pretrained=True, output_stride=8),
    heads=dict(
        semseg=dict(decoder=decoder),
        parts=dict(decoder=decoder),
        saliency=dict(decoder=decoder),
        normals=dict(decoder=decoder),
        edge=dict(decoder=decoder),
    ),
)
