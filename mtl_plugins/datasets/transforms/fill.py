from torchvision import tv_tensors

VOID = 255
#: ImageNet's mean in 0…255: about zero once the preprocessor has normalised.
IMAGE_MEAN = (124, 116, 104)


def fill_of(inpt, image_fill):
    """What pixels from outside the image get: ``image_fill``, void classes (subclasses of ``Mask`` too), or 0."""
    if isinstance(inpt, tv_tensors.Image):
        return list(image_fill)
    return VOID if isinstance(inpt, tv_tensors.Mask) else 0
