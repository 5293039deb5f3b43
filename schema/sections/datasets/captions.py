"""`datasets:` - captions: where they are read, and what becomes of them at each step."""

from schema.option import Section, opt
from schema.sections.texts import Texts

_CAPTIONS = "Caption and token handling"
_VARIANTS = "Dataset variants"


class Captions(Section):
    """The options of a dataset on captions."""

    trigger_word: str | None = opt(
        None,
        "Trigger word",
        "Word that calls your concept, for this dataset only. Replaces [trigger] in captions or "
        "is put in front of them.",
        group=_CAPTIONS,
        on_resume="new-trajectory",
        inherits="trigger_word",
        detail="[trigger] and [name] in a caption become the word. A caption that then does not "
        "hold it gets it put in front, with a space between; captions of a regularization set "
        "never do. Each caption gets one trigger word once: this one, or that of the process "
        "while this is empty. A dropped caption is the word alone.",
    )
    caption_ext: str = opt(
        ".txt",
        "Caption file extension",
        "Captions are read from a file with the image's name and this extension, for example "
        "photo.txt.",
        group=_CAPTIONS,
        on_resume="new-trajectory",
        aliases=("caption_type",),
        detail="With or without the dot. The whole file is the caption, read as UTF-8. A .json "
        "file with a caption key gives that text (line breaks become spaces) and may hold "
        "caption_short, extra_values and poi; any other .json file is the caption as it stands, "
        "as some models want it. Where a picture has no caption file, default with this extension "
        "in its folder is read.",
        form="a file extension such as .txt",
        pattern=r"^\.?[^./\\\s][^/\\\s]*$",
    )
    default_caption: str | None = opt(
        None,
        "Default caption",
        "Used for files that have no caption file or an empty one. May contain [trigger].",
        group=_VARIANTS,
        on_resume="new-trajectory",
        editor="prompt",
        detail="Goes through everything that other captions go through: trigger word, dropout, "
        "shuffling. Also stands in for a missing short caption.",
    )
    use_short_captions: bool = opt(
        False,
        "Use short captions",
        "Train with the short version of each caption (caption_short in JSON) in place of the "
        "long one.",
        group=_CAPTIONS,
        tier="advanced",
        on_resume="new-trajectory",
        detail="Pictures without a short caption keep the long one. train.short_and_long_captions "
        "trains both, long first; train.short_and_long_captions_encoder_split gives one to each "
        "text encoder.",
    )
    caption_dropout_rate: float = opt(
        0.0,
        "Caption dropout",
        "Chance that a caption is blanked for a step. 0.05 helps the model learn the concept "
        "without its caption.",
        group=_CAPTIONS,
        unit="probability",
        on_resume="new-trajectory",
        detail="Drawn for each picture each time it is shown. A dropped caption is the trigger "
        "word alone, or nothing where there is none or in a regularization set; with cached text "
        "embeddings the same text is encoded beforehand. Short captions are never dropped.",
        ge=0,
        le=1,
    )
    token_dropout_rate: float = opt(
        0.0,
        "Token dropout",
        "Chance that each comma-separated tag of a caption is left out. The first kept tags never "
        "are.",
        group=_CAPTIONS,
        tier="advanced",
        unit="probability",
        on_resume="new-trajectory",
        conflicts=("datasets[].cache_text_embeddings",),
        detail="A tag is what stands between commas. Tag i is kept if i < keep_tokens or a fresh "
        "draw is above the rate; at 1 only the kept ones stay. Comes before shuffling and before "
        "the trigger word, which is therefore never dropped. Tags are trimmed and empty ones left "
        "out.",
        ge=0,
        le=1,
    )
    shuffle_tokens: bool = opt(
        False,
        "Shuffle tags",
        "Randomly reorders comma-separated tags on every step so that order does not matter. Not "
        "for prose captions.",
        group=_CAPTIONS,
        tier="advanced",
        on_resume="new-trajectory",
        conflicts=("datasets[].cache_text_embeddings",),
        detail="One even shuffle of all tags behind the first keep_tokens, after everything else "
        "was done to the caption. Tags are trimmed and empty ones left out; without tag options a "
        "caption stays as it is, byte for byte.",
    )
    keep_tokens: int = opt(
        0,
        "Keep first tokens",
        "The first N comma-separated tags are never dropped or shuffled. A dropped caption still "
        "removes everything.",
        group=_CAPTIONS,
        tier="advanced",
        unit="tags",
        on_resume="new-trajectory",
        requires=("datasets[].shuffle_tokens|datasets[].token_dropout_rate",),
        detail="Counted in the caption file; a trigger word put in front belongs to the first tag.",
        ge=0,
    )
    random_triggers: list[str] | str = opt(
        [],
        "Random trigger words",
        "Words or phrases put behind captions at random. A list, or a text file with one on each "
        "line.",
        group=_VARIANTS,
        tier="expert",
        on_resume="new-trajectory",
        conflicts=("datasets[].cache_text_embeddings",),
        detail="n of them, all different, follow the caption, joined by commas; "
        "random_triggers_max says how n is drawn. Short captions get them too, a dropped caption "
        "none. Blank lines of a file are left out.",
    )
    random_triggers_max: int = opt(
        1,
        "Max random triggers",
        "Upper limit of random trigger words per caption. 1 always adds exactly one; above 1 "
        "draws between 0 and this number.",
        group=_VARIANTS,
        tier="expert",
        unit="words",
        on_resume="new-trajectory",
        requires=("datasets[].random_triggers",),
        detail="1: n = 1 always. m above 1: n from 0 to m, each as likely. 0: none.",
        ge=0,
    )
    replacements: Texts = opt(
        [],
        "Caption replacements",
        "Search and replace in captions, one rule a line as from|to. Comes before everything else.",
        group=_CAPTIONS,
        tier="advanced",
        on_resume="new-trajectory",
        detail="Each rule is cut at its first bar; every place where the left side stands, "
        "written exactly so, becomes the right side, which may be empty. Rules are followed in "
        "their order, on long, short and default captions, before dropout and the trigger word.",
    )
