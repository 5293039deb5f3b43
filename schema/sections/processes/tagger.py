"""`type: super_tagger` - prepares and captions whole dataset folders."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from schema.option import opt
from schema.sections.processes.base import Named, OnDevice

_GROUP = "Tagger"
_LONG: Final = (
    "Describe everything in this picture as one list of phrases separated by commas: subject, "
    "appearance, pose, clothing, objects, setting, light, colours, style and mood."
)
_SHORT: Final = "Describe this picture in fewer than ten words."
_OPENINGS: Final = [
    ["the image features", ""], ["the image shows", ""], ["the image depicts", ""],
    ["the image is", ""], ["in this image", ""], ["in the image", ""],
]  # fmt: skip

Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class TaggerProcess(Named, OnDevice):
    """`type: super_tagger`."""

    kind: ClassVar[str] = "super_tagger"
    kinds: ClassVar[tuple[str, ...]] = ("super_tagger",)

    parent_dir: str | None = opt(
        None,
        "Parent folder",
        "Every subfolder of this folder is a dataset. Counts while dataset_paths is empty.",
        group=_GROUP,
        tier="advanced",
        editor="folder",
        min_length=1,
    )
    dataset_paths: list[str] = opt(
        [],
        "Dataset folders",
        "Folders to work on; each has a subfolder raw with the originals.",
        group=_GROUP,
        tier="advanced",
        editor="folder",
        detail="Results go into the subfolder train, with a JSON record beside each picture.",
    )
    steps: list[Literal["caption", "caption_short", "contrast_stretch"]] = opt(
        [],
        "Steps",
        "What to do with each image, in this order.",
        group=_GROUP,
        tier="advanced",
        choices={
            "caption": "write the long caption",
            "caption_short": "write the short caption",
            "contrast_stretch": "stretch the contrast, keeping the tone",
        },
        detail="Steps that are done are remembered and skipped; when the steps that change "
        "pictures differ from last time, the picture starts again from raw.",
    )
    caption_method: str = opt(
        "llava:default",
        "Caption method",
        "Which captioner to use.",
        group=_GROUP,
        tier="advanced",
        detail="Another method keeps the old captions in the record and writes new ones.",
        form="llava or fuyu, with a model after a colon",
        pattern=r"^(llava|fuyu)(:.*)?$",
    )
    caption_prompt: str = opt(
        _LONG,
        "Long caption instruction",
        "Instruction for the long caption.",
        group=_GROUP,
        tier="advanced",
        editor="multiline",
        default_note="The instruction is our own wording.",
    )
    caption_short_prompt: str = opt(
        _SHORT,
        "Short caption instruction",
        "Instruction for the short caption.",
        group=_GROUP,
        tier="advanced",
        editor="multiline",
        default_note="The instruction is our own wording.",
    )
    caption_replacements: list[Pair] = opt(
        _OPENINGS,
        "Caption clean-up",
        "Pairs of text to find and replace in long captions.",
        group=_GROUP,
        tier="expert",
        detail="Captions become lower case, line breaks and full stops become commas, then the "
        "pairs are applied and repeated parts removed. A first part that begins with * empties "
        "captions that start with the rest.",
    )
    caption_short_replacements: list[Pair] = opt(
        _OPENINGS,
        "Short caption clean-up",
        "Pairs of text to find and replace in short captions.",
        group=_GROUP,
        tier="expert",
        detail="As caption_replacements, for the short captions.",
    )
    force_reprocess_img: bool = opt(
        False,
        "Redo images",
        "Do the steps that change pictures again, from the originals.",
        group=_GROUP,
        tier="advanced",
    )
    dataset_master_config_file: str | None = opt(
        None,
        "Master JSON",
        "Write the records of all pictures into one JSON file as well.",
        group=_GROUP,
        tier="expert",
        editor="path",
        min_length=1,
    )
