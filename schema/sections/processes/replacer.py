"""`type: concept_replacer` - teaches the model to draw one thing when asked for another."""

from typing import Annotated, ClassVar

from pydantic import Field

from schema.option import REQUIRED, Section, opt
from schema.sections.processes.names import spellings_of
from schema.sections.processes.trainer import TrainerProcess

_GROUP = "Concept replacer"


class Replacement(Section):
    """One entry of `replacements`."""

    concept: str = opt(
        "",
        "Concept",
        "What should be replaced, such as an artist or object. Commas separate parts that are "
        "shuffled.",
        group=_GROUP,
        on_resume="new-trajectory",
        editor="prompt",
    )
    replacement: str = opt(
        "",
        "Replacement",
        "What should appear instead. Empty means: forget, towards the plain caption.",
        group=_GROUP,
        on_resume="new-trajectory",
        editor="prompt",
    )


class ConceptReplacerProcess(TrainerProcess):
    """`type: concept_replacer`."""

    kind: ClassVar[str] = "concept_replacer"
    kinds: ClassVar[tuple[str, ...]] = spellings_of("concept_replacer")

    replacements: Annotated[list[Replacement], Field(min_length=1)] = opt(
        REQUIRED,
        "Replacements",
        "Pairs of concept and replacement: the model draws the replacement when asked for the "
        "concept.",
        group=_GROUP,
        on_resume="new-trajectory",
        detail="For each caption p one entry is drawn. The target is the prediction of the "
        "untouched model for 'replacement, p, replacement'; the trained one sees 'concept, p, "
        "concept'; parts are shuffled at commas.",
    )
