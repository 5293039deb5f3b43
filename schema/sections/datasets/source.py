"""`datasets:` - where the pictures come from, and what kind of set they are."""

from typing import Literal

from schema.option import REQUIRED, Section, opt

_SOURCE = "Source"
_VARIANTS = "Dataset variants"


class Source(Section):
    """The options of a dataset on its source."""

    folder_path: str = opt(
        REQUIRED,
        "Image folder",
        "Folder with your training images or videos. Sub-folders are included; captions sit next "
        "to each file.",
        group=_SOURCE,
        on_resume="new-trajectory",
        editor="folder",
        conflicts=("datasets[].dataset_path",),
        detail="Every sub-folder is searched; folders and files whose names begin with a dot are "
        "left out, and so are links to folders. Pictures are .jpg, .jpeg, .png and .webp; with "
        "more than one frame videos (.mp4, .avi, .mov, .webm, .mkv, .wmv, .m4v, .flv) count too. "
        "Files are sorted by path, so that a run can be repeated.",
        min_length=1,
    )
    dataset_path: str | None = opt(
        None,
        "Dataset path (folder/JSON)",
        "A folder, or a JSON file that maps image paths to captions. Takes the place of the image "
        "folder.",
        group=_VARIANTS,
        tier="advanced",
        on_resume="new-trajectory",
        editor="path",
        conflicts=("datasets[].folder_path",),
        detail='A folder works like folder_path. A JSON file holds one mapping: {"a.png": '
        '{"caption": "...", "caption_short": "..."}}; a plain text as value is the caption. '
        "Relative paths start at the file's own folder, then at the working folder. An entry "
        "without a caption falls back to the text file beside the picture. Each entry may also "
        "hold extra_values and poi.",
        min_length=1,
    )
    type: Literal["image", "slider", "reference"] = opt(
        "image",
        "Dataset type",
        "What the set is for: image trains normally, slider is a canvas for a slider, reference "
        "learns from before and after pairs.",
        group=_VARIANTS,
        tier="expert",
        on_resume="new-trajectory",
        choices={
            "image": "pictures or clips to learn",
            "slider": "a canvas for a concept slider: captions are not used",
            "reference": "before and after pairs: learns the difference",
        },
        detail="reference: this folder is the positive side and unconditional_path the negative "
        "one, joined by file name. Each step draws one noise e and one timestep t for the pair, "
        "runs the network at +w on the positive and at -w on the negative side with the same "
        "caption, and averages both squared errors; with train.weight_jitter j the strength on "
        "the positive side becomes w + r and on the negative side -w - r, r from -j to j, and the "
        "loss counts 1 - |r| / j. slider: the pictures only give noisy latents; prompts and "
        "formula are those of slider:.",
    )
