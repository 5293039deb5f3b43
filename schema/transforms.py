"""Names of the Albumentations transforms, old and new, for checks that must not import the package.

The package changes with its versions, so an unknown name is a warning, not an error.
"""

from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESIZING: Final = _names(
    """
    AtLeastOneBBoxRandomCrop BBoxSafeRandomCrop CenterCrop Crop CropNonEmptyMaskIfExists
    LongestMaxSize Mosaic Pad PadIfNeeded RandomCrop RandomCropFromBorders RandomCropNearBBox
    RandomResizedCrop RandomScale RandomSizedBBoxSafeCrop RandomSizedCrop Resize SmallestMaxSize
    """
)
"""What changes a picture's size, unless its settings say the very size that it has."""

TURNING: Final = _names("D4 RandomRotate90 SquareSymmetry Transpose")
"""What swaps width and height, which only a square survives."""

NOT_BYTES: Final = _names("FromFloat Normalize ToFloat")
"""What leaves numbers that are no 8-bit picture any more."""

TRANSFORMS: Final = RESIZING | TURNING | NOT_BYTES | _names(
    """
    AdditiveNoise AdvancedBlur Affine AutoContrast Blur CLAHE ChannelDropout ChannelShuffle
    ChromaticAberration CoarseDropout ColorJitter ConstrainedCoarseDropout CropAndPad Cutout
    Defocus Downscale ElasticTransform Emboss Equalize Erasing FDA FancyPCA Flip GaussNoise
    GaussianBlur GlassBlur GridDistortion GridDropout GridElasticDeform HEStain HistogramMatching
    HorizontalFlip HueSaturationValue ISONoise Illumination ImageCompression InvertImg
    JpegCompression MaskDropout MedianBlur Morphological MotionBlur MultiplicativeNoise NoOp
    OpticalDistortion OverlayElements Perspective PiecewiseAffine PixelDistributionAdaptation
    PixelDropout PlanckianJitter PlasmaBrightnessContrast PlasmaShadow Posterize RGBShift
    RandomBrightness RandomBrightnessContrast RandomContrast RandomFog RandomGamma RandomGravel
    RandomGridShuffle RandomRain RandomShadow RandomSnow RandomSunFlare RandomToneCurve
    RingingOvershoot Rotate SafeRotate SaltAndPepper Sharpen ShiftScaleRotate ShotNoise Solarize
    Spatter Superpixels TemplateTransform TextImage ThinPlateSpline ToGray ToRGB ToSepia
    UnsharpMask VerticalFlip XYMasking ZoomBlur
    """
)  # fmt: skip
