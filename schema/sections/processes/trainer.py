"""`type: sd_trainer` - the general trainer, and the base of every process that trains a model."""

from typing import ClassVar

from schema.option import REQUIRED, opt
from schema.sections.adapter import Adapter
from schema.sections.datasets import Dataset
from schema.sections.decorator import Decorator
from schema.sections.embedding import Embedding
from schema.sections.guidance import Guidance
from schema.sections.logs import Logging
from schema.sections.model import Model
from schema.sections.network import Network
from schema.sections.processes.base import InFolder, Named, OnDevice, Watched
from schema.sections.processes.names import spellings_of
from schema.sections.processes.older import OlderLorm
from schema.sections.sample import Sample
from schema.sections.save import Save
from schema.sections.train import Train

_JOB = "Job"


class TrainerProcess(OlderLorm, Named, Watched, OnDevice, InFolder):
    """One entry of `config.process:` that trains a model."""

    kind: ClassVar[str] = "sd_trainer"
    kinds: ClassVar[tuple[str, ...]] = spellings_of("sd_trainer")

    trigger_word: str | None = opt(
        None,
        "Trigger word",
        "A made-up word that should call up what you train. Added to captions that lack it.",
        group=_JOB,
        on_resume="new-trajectory",
    )
    first_sample: Sample | None = opt(
        None,
        "First previews",
        "Settings like those of sample, for one more round of previews before training.",
        group=_JOB,
        tier="expert",
        same_as="sample",
        detail="Made ahead of the usual first round, where training starts at step 0 and previews "
        "are not disabled; train.skip_first_sample does not count. sample_every and "
        "sample_start_step have no meaning in it.",
    )
    model: Model = opt(
        REQUIRED, "Model", "The base model.", group="Sections", container=True,
    )  # fmt: skip
    network: Network | None = opt(
        None,
        "Network",
        "The small network that is trained; without it the whole model is fine-tuned.",
        group="Sections",
        container=True,
    )
    train: Train = opt(
        Train(), "Training", "How the weights are trained.", group="Sections", container=True,
    )  # fmt: skip
    datasets: list[Dataset] = opt(
        [], "Datasets", "Folders of captioned images.", group="Sections", container=True,
    )  # fmt: skip
    sample: Sample = opt(
        Sample(), "Previews", "Pictures made while training.", group="Sections", container=True,
    )  # fmt: skip
    save: Save = opt(
        Save(), "Saving", "What is written to disk, and when.", group="Sections", container=True,
    )  # fmt: skip
    logging: Logging = opt(
        Logging(), "Logging", "What is written to the log.", group="Sections", container=True,
    )  # fmt: skip
    adapter: Adapter | None = opt(
        None,
        "Adapter",
        "An extra module that conditions the model: on a picture, a depth map, a face.",
        group="Sections",
        container=True,
    )
    embedding: Embedding | None = opt(
        None,
        "Embedding",
        "New words for the text encoder, learned from the pictures (textual inversion).",
        group="Sections",
        process_types=(*spellings_of("sd_trainer"), "concept_replacer"),
        container=True,
    )
    decorator: Decorator | None = opt(
        None,
        "Decorator",
        "Learned tokens that are always put behind the prompt.",
        group="Sections",
        process_types=spellings_of("sd_trainer"),
        container=True,
    )
    guidance: Guidance | None = opt(
        None,
        "Guidance",
        "Burns the guidance of a prompt into the network.",
        group="Sections",
        process_types=spellings_of("sd_trainer"),
        container=True,
    )

    @property
    def fine_tunes(self) -> bool:
        """Whether the model's own weights are trained, with nothing new beside them."""
        return self.network is None and self.embedding is None and self.decorator is None
