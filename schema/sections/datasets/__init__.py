"""`datasets:` - a list of sets of captioned pictures, composed from a file per group of options."""

from typing import Any

from pydantic import model_validator

from schema.sections.datasets.augment import Augmentation, Augmenting
from schema.sections.datasets.caching import Caching
from schema.sections.datasets.captions import Captions
from schema.sections.datasets.control import Control
from schema.sections.datasets.masks import Masks
from schema.sections.datasets.picture import Picture
from schema.sections.datasets.references import References
from schema.sections.datasets.sizes import Pixels, Sizes
from schema.sections.datasets.source import Source
from schema.sections.datasets.video import Video
from schema.sections.datasets.weight import Weight
from schema.sections.datasets.workers import Workers

__all__ = ["Augmentation", "Dataset", "Pixels"]


class Dataset(
    Workers,
    Video,
    References,
    Masks,
    Control,
    Augmenting,
    Caching,
    Weight,
    Picture,
    Sizes,
    Captions,
    Source,
):
    """One entry of `datasets:` (pydantic orders the fields from the last base to the first)."""

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, data: Any) -> Any:
        """The folder under whichever of its two names it was given."""
        if isinstance(data, dict) and data.get("folder_path") is None and data.get("dataset_path"):
            return {**data, "folder_path": data["dataset_path"]}
        return data

    @property
    def resolutions(self) -> list[int]:
        """The training sizes as a list, whichever way they were written."""
        return self.resolution if isinstance(self.resolution, list) else [self.resolution]

    @property
    def control_folders(self) -> list[str]:
        """The folders of control images, whichever way they were written."""
        numbered = (self.control_path_1, self.control_path_2, self.control_path_3)
        return [folder for folder in numbered if folder] or self.control_path or []

    @property
    def takes_videos(self) -> bool:
        """Whether videos are looked for beside pictures."""
        return self.num_frames > 1 or self.auto_frame_count
