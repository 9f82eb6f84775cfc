from torchvision.transforms import v2

from mtl_plugins.registry import TRANSFORMS

# These would transform the image without its labels, return several samples, or cannot process a sample dict.
_NOT_FOR_DENSE_LABELS = {
    *("AugMix", "AutoAugment", "RandAugment", "TrivialAugmentWide", "FiveCrop", "TenCrop", "CutMix", "MixUp"),
    *("Transform", "Lambda", "LinearTransformation", "ToPILImage", "ToTensor", "PILToTensor", "ToPureTensor"),
    *("UniformTemporalSubsample", "Normalize", "ConvertImageDtype", "ToDtype"),  # the preprocessor normalises
}


def register_torchvision() -> None:
    """Register torchvision's v2 transforms under their own names, except for names that are taken already."""
    for name, transform in vars(v2).items():
        if not (isinstance(transform, type) and issubclass(transform, v2.Transform)):
            continue
        if name not in _NOT_FOR_DENSE_LABELS and name not in TRANSFORMS.module_dict:
            TRANSFORMS.register_module(module=transform)
    TRANSFORMS.register_module(name="RandomMirror", module=v2.RandomHorizontalFlip)
