from torchvision.transforms import v2

from mtl_plugins.registry import TRANSFORMS

# They would move the image without its labels, give several samples for one, or do not work on a sample at
# all.
_NOT_FOR_DENSE_LABELS = {
    *("AugMix", "AutoAugment", "RandAugment", "TrivialAugmentWide", "FiveCrop", "TenCrop", "CutMix", "MixUp"),
    *("Transform", "Lambda", "LinearTransformation", "ToPILImage", "ToTensor", "PILToTensor", "ToPureTensor"),
    *("UniformTemporalSubsample", "Normalize", "ConvertImageDtype", "ToDtype"),  # the preprocessor normalises
}


def register_torchvision():
    """Put torchvision's v2 transforms into ``TRANSFORMS`` under their own names, unless one of ours has the name."""
    for name, transform in vars(v2).items():
        if not (isinstance(transform, type) and issubclass(transform, v2.Transform)):
            continue
        if name not in _NOT_FOR_DENSE_LABELS and name not in TRANSFORMS.module_dict:
            TRANSFORMS.register_module(module=transform)
    TRANSFORMS.register_module(name="RandomMirror", module=v2.RandomHorizontalFlip)
