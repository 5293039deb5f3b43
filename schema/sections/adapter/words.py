"""`adapter:` - the words and text encoders of adapters that change the prompt."""

from typing import Annotated, Literal

from pydantic import Field

from schema.option import Section, opt
from schema.sections.adapter.names import TYPE as _TYPE

_TEXT = "Text encoder adapters"
_CLIP = "CLIP embedding adapter"


class Words(Section):
    """Trigger and class words, and text encoders of their own."""

    trigger: str = opt(
        "tri993r",
        "Trigger token",
        "Made-up word in your prompts that the adapter replaces with vectors made from the "
        "reference image.",
        group=_CLIP,
        tier="advanced",
        on_resume="refused",
        only_with=(_TYPE, ("clip",)),
        detail="Added to the tokenizer with numbered companions, num_tokens in all. [trigger] and "
        "[name] in captions become these words; a caption without them gets them in front. It "
        "must not be a word that the tokenizer already knows as one token.",
        min_length=1,
    )
    trigger_class_name: str | None = opt(
        None,
        "Class word",
        'Ordinary word for the thing in your images, e.g. "person". Initial value of the new '
        "tokens and stand-in for prior predictions.",
        group=_CLIP,
        tier="advanced",
        on_resume="new-trajectory",
        only_with=(_TYPE, ("clip",)),
        detail="Its token vectors are the first values of the new ones (cut or filled to "
        "num_tokens). Predictions of the untouched model see this word in place of the trigger.",
        min_length=1,
    )
    class_names: list[Annotated[str, Field(min_length=1)]] = opt(
        [],
        "Class words",
        "Words such as man, woman, person that mark where the identity is inserted in a caption.",
        group="PhotoMaker",
        tier="advanced",
        on_resume="new-trajectory",
        only_with=(_TYPE, ("photo_maker",)),
        detail="The caption is searched word by word, in lower case; the identity is bound to the "
        "first word found. If none occurs, the first entry of the list is put in front.",
    )
    text_encoder_path: str | None = opt(
        None,
        "Extra text encoder",
        "Hugging Face repository or folder of the text model that replaces the built-in one.",
        group=_TEXT,
        tier="advanced",
        on_resume="refused",
        editor="model",
        only_with=(_TYPE, ("text_encoder", "llm_adapter")),
        detail="text_encoder: a CLIP, T5 or UMT5 encoder with its tokenizer. llm_adapter: any "
        "language model; the hidden states of its last layer are used. Always frozen.",
        min_length=1,
    )
    text_encoder_arch: Literal["clip", "t5", "pile-t5"] = opt(
        "clip",
        "Extra text encoder family",
        "Family of the extra text encoder.",
        group=_TEXT,
        tier="advanced",
        on_resume="refused",
        only_with=(_TYPE, ("text_encoder",)),
        choices={
            "clip": "CLIP text model",
            "t5": "T5 encoder with attention mask",
            "pile-t5": "UMT5 encoder with a Llama tokenizer",
        },
    )
    num_cloned_blocks: int = opt(
        0,
        "Cloned double blocks",
        "How many of the first Flux double blocks get a trainable copy so they can adapt to the "
        "new text features.",
        group=_TEXT,
        tier="expert",
        unit="blocks",
        on_resume="refused",
        only_with=(_TYPE, ("llm_adapter",)),
        detail="The first n dual-stream blocks are copied and the copies, which are trained, run "
        "in place of the originals while the adapter is active. 0 trains the context projection "
        "only.",
        ge=0,
    )
    quantize_llm: bool = opt(
        False,
        "4-bit language model",
        "Load the language model in 4-bit to save memory.",
        group=_TEXT,
        tier="expert",
        only_with=(_TYPE, ("llm_adapter",)),
        detail="Four-bit NF4 weights with bfloat16 arithmetic, through bitsandbytes; needs a CUDA "
        "device.",
    )
