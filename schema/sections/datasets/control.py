"""`datasets:` - control images: depth maps, poses, edit sources, inpainting."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from schema.option import Section, opt

_GROUP = "Control images and masks"
_SOURCES: Final = "|".join(
    f"datasets[].{name}"
    for name in (
        "control_path", "control_path_1", "control_path_2", "control_path_3",
        "control_from_same_folder", "controls",
    )
)  # fmt: skip
_KIND: Final = {
    "depth": "a depth map",
    "line": "line art",
    "pose": "a skeleton of people, with hands and faces",
    "inpaint": "the picture with its subject erased",
    "mask": "the subject in white",
    "sapiens2_mask": "people in white",
}

ControlName = Literal["depth", "line", "pose", "inpaint", "mask", "sapiens2_mask"]
Byte = Annotated[int, Field(ge=0, le=255)]
Color = Annotated[list[Byte], Field(min_length=3, max_length=3)]


def folders(value: Any) -> Any:
    """A folder, or a list of them, as a list; an empty text is none at all."""
    if isinstance(value, str):
        return [value] if value else None
    return value


def names(value: Any) -> Any:
    """A name, or a list of them, as a list without the blank ones."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        return [name for name in value if not (isinstance(name, str) and not name.strip())]
    return value


Folders = Annotated[list[str] | None, BeforeValidator(folders)]
Controls = Annotated[list[ControlName], BeforeValidator(names)]


class Control(Section):
    """The options of a dataset on control images."""

    control_path: Folders = opt(
        None,
        "Control images folder",
        "Folder(s) with depth maps, poses or edit sources named like the training images. Several "
        "folders give several controls.",
        group=_GROUP,
        on_resume="new-trajectory",
        editor="folder",
        applies_to=("pictures",),
        conflicts=(
            "datasets[].control_path_1",
            "datasets[].control_path_2",
            "datasets[].control_path_3",
            "datasets[].control_from_same_folder",
        ),
        detail="For each picture and folder the file of the same name with .jpg, .jpeg, .png or "
        ".webp; sub-folders are not searched. Read at each step, mirrored, scaled and cropped "
        "like the picture, with values in [0, 1]; models that want references as they are get "
        "them uncropped. Edit models show them to the text encoder as well. In a mixed batch a "
        "missing one is black.",
    )
    control_path_1: str | None = opt(
        None,
        "Control folder 1",
        "First of up to three control image folders. Easier to fill in than a list.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        editor="folder",
        applies_to=("pictures",),
        conflicts=("datasets[].control_path",),
        detail="The folders 1 to 3 that are given stand for a list in control_path, in that order.",
    )
    control_path_2: str | None = opt(
        None,
        "Control folder 2",
        "Second control image folder, used after the first one.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        editor="folder",
        applies_to=("pictures",),
        conflicts=("datasets[].control_path",),
        detail="The folders 1 to 3 that are given stand for a list in control_path, in that order.",
    )
    control_path_3: str | None = opt(
        None,
        "Control folder 3",
        "Third control image folder, used last.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        editor="folder",
        applies_to=("pictures",),
        conflicts=("datasets[].control_path",),
        detail="The folders 1 to 3 that are given stand for a list in control_path, in that order.",
    )
    control_from_same_folder: bool = opt(
        False,
        "Control from same folder",
        "Takes random other pictures of the same folder as controls. For folders that hold one "
        "subject each.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        conflicts=(
            "datasets[].control_path",
            "datasets[].control_path_1",
            "datasets[].control_path_2",
            "datasets[].control_path_3",
        ),
        detail="Drawn at each step from the folder of the picture, without the picture itself "
        "unless it is alone.",
    )
    num_controls_from_same_folder: int = opt(
        1,
        "Controls per image",
        "How many random pictures of the same folder are the controls.",
        group=_GROUP,
        tier="expert",
        unit="pictures",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=("datasets[].control_from_same_folder",),
        detail="Fewer where the folder holds fewer.",
        ge=1,
    )
    full_size_control_images: bool = opt(
        True,
        "Full-size control images",
        "Fits control images to the training picture. Off squeezes them to 512x512 for image "
        "encoders.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=(_SOURCES,),
        detail="Off: resized to 512 x 512 whatever their shape, not mirrored and not cropped.",
    )
    control_transparent_color: Color = opt(
        [0, 0, 0],
        "Transparency colour",
        "Background colour (red, green, blue) where a control image is transparent.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        detail="Pictures with an alpha channel or a transparent palette entry are laid on it.",
    )
    controls: Controls = opt(
        [],
        "Auto-generated controls",
        "Makes depth maps, line art, poses, inpaint pictures or masks of every picture once, and "
        "uses them as controls.",
        group="Advanced features",
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        choices=_KIND,
        detail="Each is drawn once by a model of its own, from the picture at no more than 1024 x "
        "1024 pixels, kept beside it and used again while the picture is unchanged. mask and "
        "sapiens2_mask become the mask, inpaint the inpaint picture; the others follow "
        "control_path in the order of the list.",
    )
    inpaint_path: str | None = opt(
        None,
        "Inpaint images folder",
        "Copies of the pictures (PNG or WebP) with the part to be repainted erased, that is "
        "transparent.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        editor="folder",
        applies_to=("pictures",),
        conflicts=("datasets[].controls",),
        detail="Found by name. Alpha a = 1 keeps, a = 0 is repainted. The model gets latents * a "
        "and the channel 1 - a beside the noisy latents; where a picture has none, or it is "
        "dropped, zeros and ones.",
        min_length=1,
    )
