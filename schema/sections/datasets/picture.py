"""`datasets:` - what is done to each picture before it is encoded."""

from schema.option import Section, opt

_IMAGES = "Image processing"
_ADVANCED = "Advanced features"


class Picture(Section):
    """The options of a dataset on its pictures."""

    scale: float = opt(
        1.0,
        "Pre-scale factor",
        "Treats every image as if it were this much bigger or smaller before choosing its "
        "training size.",
        group=_IMAGES,
        tier="expert",
        unit="times",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        detail="W = floor(w * scale) and H = floor(h * scale) count in place of the picture's own "
        "size when its training size is chosen; the file is resized once, straight to that size. "
        "Below 1 a picture may be trained smaller, above 1 a small one is enlarged up to the "
        "resolution.",
        gt=0,
    )
    random_scale: bool = opt(
        False,
        "Random scale",
        "Zooms into each picture by a random amount at every step and crops at a random place.",
        group=_IMAGES,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        conflicts=(
            "datasets[].cache_latents",
            "datasets[].cache_latents_to_disk",
            "datasets[].square_crop",
        ),
        detail="With buckets: a zoom z from 1 to z_max = max(1, min(w / w', h / h')), where w' x "
        "h' covers the training size, so that nothing is enlarged; the picture becomes ceil(z w') "
        "x ceil(z h') and is cropped anywhere. Without: a shorter side from R to its own length, "
        "then a square of R anywhere. Implies random_crop.",
    )
    random_crop: bool = opt(
        False,
        "Random crop",
        "Crops at a random position instead of the centre when the image does not exactly fit its "
        "bucket.",
        group=_IMAGES,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        detail="Crops evenly within what the scaled picture leaves over. Drawn anew at each step, "
        "and the same for mask and control images; with cached latents once for each picture and "
        "repeat, by its name, so that the cache stays valid.",
    )
    square_crop: bool = opt(
        False,
        "Square crop",
        "Forces every image to a centred square of the chosen resolution instead of its own "
        "aspect ratio.",
        group=_IMAGES,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        detail="Scaled to cover R x R, enlarging small pictures, and cropped in the middle. R "
        "must be a multiple of what the model needs. Also decides how reference images become "
        "square: cropped instead of squeezed.",
    )
    flip_x: bool = opt(
        False,
        "Mirror horizontally",
        "Adds a mirrored copy of every image, doubling the dataset. Avoid for faces, text or "
        "logos.",
        group=_IMAGES,
        on_resume="new-trajectory",
        applies_to=("pictures",),
        detail="Not at random: every picture stands in the set twice, as it is and mirrored, "
        "together with its mask and control images. Captions stay. With flip_y as well there are "
        "four.",
    )
    flip_y: bool = opt(
        False,
        "Mirror vertically",
        "Adds an upside-down copy of every image, doubling the dataset. Useful for textures, not "
        "for people.",
        group=_IMAGES,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        detail="As flip_x, along the other axis, over everything that flip_x gave.",
    )
    standardize_images: bool = opt(
        False,
        "Standardize images",
        "Normalises pixel values with fixed statistics before they are encoded. Only meaningful "
        "for SD 1.5 and SDXL.",
        group=_ADVANCED,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("small_latents",),
        conflicts=("train.standardize_images",),
        detail="x in [-1, 1] becomes (x - m) / s for each channel. SDXL and its smaller versions: "
        "m = (0.0002, -0.1034, -0.1879), s = (0.5436, 0.5116, 0.5033); others: m = (-0.1600, "
        "-0.2450, -0.3227), s = (0.5319, 0.4997, 0.5139). train.standardize_images takes each "
        "picture's own statistics instead.",
    )
    fast_image_size: bool = opt(
        False,
        "Fast image size probe",
        "Reads picture sizes from file headers alone, without decoding. Faster start for huge "
        "folders.",
        group=_ADVANCED,
        tier="expert",
        applies_to=("pictures",),
        detail="Rotation tags are read too, so sizes are the same either way; what is not noticed "
        "before its step is a picture with broken pixels.",
    )
    poi: str | None = opt(
        None,
        "Point of interest",
        "Name of a box in each picture's JSON file that random crops always keep inside.",
        group=_ADVANCED,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        conflicts=(
            "datasets[].cache_latents",
            "datasets[].cache_latents_to_disk",
            "datasets[].persistent_workers",
        ),
        detail='The JSON beside a picture holds {"poi": {"face": {"x": 10, "y": 20, "width": 64, '
        '"height": 64}}} in pixels; without a box the whole picture is one. In each epoch the box '
        "grows at random towards the edges until its area reaches the resolution, and that view "
        "is scaled and cropped to its own training size. Mirrored copies mirror the box.",
        min_length=1,
    )
