"""`adapter:` - what kind of adapter, where it starts from, and its preview pictures."""

from schema.option import Section, opt
from schema.sections.adapter.names import ADAPTER_WORDS, AdapterType

_BASICS = "Adapter basics"
_GROUP = "IP-Adapter & Vision Features"


class Basics(Section):
    """What every adapter has."""

    type: AdapterType = opt(
        "t2i",
        "Adapter type",
        "Which extra module is built on top of the base model: depth or pose control, image "
        "prompt, face identity and so on.",
        group=_GROUP,
        on_resume="refused",
        choices=ADAPTER_WORDS,
        detail="The adapter is built after the base model and the network. The base model stays "
        "frozen while an adapter trains; a LoRA beside it is saved as <job>_LoRA, so that both "
        "fit into one folder. Each type has options of its own; those of other types have no "
        "effect and are not shown.",
    )
    train: bool = opt(
        False,
        "Train the adapter",
        "On: the adapter is trained and saved. Off: a ready-made adapter only conditions the "
        "model while something else is trained.",
        group=_BASICS,
        on_resume="refused",
        detail="Trained adapter weights form an optimizer group of their own with the learning "
        "rate train.adapter_lr. Off needs name_or_path: the adapter is loaded, stays frozen and "
        "takes part in every prediction, for example to train a LoRA that works well together "
        "with it. Note that the default is off.",
    )
    name_or_path: str | None = opt(
        None,
        "Adapter weights",
        "File, folder or Hugging Face repository of adapter weights to start from. Empty starts "
        "from scratch.",
        group=_BASICS,
        on_resume="refused",
        editor="model",
        detail="A save of this very job comes first, then this, then fresh weights. Image prompt "
        "types read safetensors or .bin files of the usual layout; t2i and control_net read a "
        "diffusers folder; photo_maker reads a .bin file; other types read a safetensors file "
        "with their own key names. A control_net without it starts as a copy of the base model.",
        min_length=1,
    )
    image_dir: str | None = opt(
        None,
        "Default condition folder",
        "Folder with condition images for every dataset that does not name its own.",
        group=_BASICS,
        tier="expert",
        on_resume="new-trajectory",
        editor="folder",
        detail="Files are matched to training pictures by name. It fills datasets[].control_path "
        "for types that follow a control picture, datasets[].clip_image_path for types that look "
        "at a reference picture.",
        min_length=1,
    )
    test_img_path: str | list[str] | None = opt(
        None,
        "Preview condition images",
        "Condition images for the previews. Several are dealt out to the prompts in turn.",
        group="Preview images",
        editor="path",
        detail="A text is split at commas. Prompt i gets picture i modulo n. t2i, control_net and "
        "control_lora resize it to the preview's size; types with an image encoder run it through "
        "the encoder; a picture named *.inpaint.* must have transparency, which marks what to "
        "invent. Without one, types that see pictures draw without image conditioning.",
    )
