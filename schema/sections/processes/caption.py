"""The captioners: write a caption file beside every picture, video or song of a folder."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schema.option import REQUIRED, Section, opt
from schema.sections.processes.base import Named, OnDevice
from schema.sections.processes.precision import CAPTION_SYNONYMS, CAPTION_WORDS, CaptionDtype

_GROUP = "Captioning"
_SEEING = ("Qwen3VLCaptioner", "Qwen3OmniCaptioner", "Ideogram4Captioner")
_MUSIC = ("AceStepCaptioner",)
_OMNI = ("Qwen3OmniCaptioner",)


class Caption(Section):
    """Everything under `caption:`."""

    model_name_or_path: str = opt(
        REQUIRED,
        "Caption model",
        "Folder or Hugging Face repository of the model that writes the captions.",
        group=_GROUP,
        editor="model",
        detail="Any vision language model of the transformers library with a processor; "
        "AceStepCaptioner takes a music transcriber, Qwen3OmniCaptioner an 8-bit Qwen3 Omni.",
        min_length=1,
    )
    model_name_or_path2: str | None = opt(
        None,
        "Music caption model",
        "Second model, which describes the music; the first transcribes the lyrics.",
        group=_GROUP,
        tier="advanced",
        editor="model",
        process_types=_MUSIC,
        min_length=1,
    )
    extensions: Annotated[list[str], Field(min_length=1)] = opt(
        REQUIRED,
        "File types",
        "File endings to caption, without the dot, such as jpg, png.",
        group=_GROUP,
        detail="Pictures: jpg jpeg png bmp webp. Videos: mp4 mov webm mkv avi. Audio: mp3 wav "
        "flac ogg.",
    )
    path_to_caption: str = opt(
        REQUIRED,
        "Folder to caption",
        "Folder that is searched, including sub-folders.",
        group=_GROUP,
        editor="folder",
        detail="Folders called _controls and names that begin with a dot are left out.",
        min_length=1,
    )
    dtype: CaptionDtype = opt(
        "bf16",
        "Precision",
        "Number format of the caption model.",
        group=_GROUP,
        tier="advanced",
        choices=CAPTION_WORDS,
        synonyms=CAPTION_SYNONYMS,
    )
    device: str | None = opt(
        None,
        "Device",
        "Where the caption model runs. Empty takes the device of the process.",
        group=_GROUP,
        tier="advanced",
        inherits="device",
        default_note="A fixed cuda would fail where there is no GPU.",
        form="cpu, mps, cuda or cuda:N",
        pattern=r"^(cpu|mps|cuda(:\d+)?)$",
    )
    quantize: bool = opt(
        False,
        "Quantize model",
        "Store the caption model in fewer bits.",
        group=_GROUP,
        tier="advanced",
        process_types=("Qwen3VLCaptioner", "Ideogram4Captioner", "AceStepCaptioner"),
        detail="All linear layers but the output, layer by layer. Qwen3OmniCaptioner reads "
        "weights that already are 8-bit.",
    )
    qtype: Literal[
        "float8",
        "qfloat8",
        "convrot8",
        "uint8",
        "uint7",
        "uint6",
        "uint5",
        "uint4",
        "uint3",
        "uint2",
    ] = opt(
        "float8",
        "Quantization type",
        "Which reduced number format to use.",
        group=_GROUP,
        tier="expert",
        requires=("caption.quantize",),
        choices={
            "float8": "8-bit floating point",
            "qfloat8": "8-bit floating point of the quanto library",
            "convrot8": "8 bits after a rotation",
            "uint8": "8-bit whole numbers",
            "uint7": "7-bit whole numbers",
            "uint6": "6-bit whole numbers",
            "uint5": "5-bit whole numbers",
            "uint4": "4-bit whole numbers",
            "uint3": "3-bit whole numbers",
            "uint2": "2-bit whole numbers",
        },
    )
    low_vram: bool = opt(
        False,
        "Low memory",
        "Keep models in system memory while they are not needed.",
        group=_GROUP,
        tier="advanced",
        detail="Loading and quantizing happen in system memory; models of AceStepCaptioner take "
        "turns on the GPU.",
    )
    caption_extension: str = opt(
        "txt",
        "Caption file ending",
        "Ending of the caption files written beside the media, with or without a dot.",
        group=_GROUP,
        detail="UTF-8 text; an existing file is replaced.",
        min_length=1,
    )
    recaption: bool = opt(
        False,
        "Overwrite captions",
        "Also caption files that already have a non-empty caption.",
        group=_GROUP,
        detail="Off leaves files alone whose caption file has any text.",
    )
    max_res: int = opt(
        512,
        "Image size",
        "Pictures are shrunk to at most the area of a square of this side before captioning.",
        group=_GROUP,
        tier="advanced",
        unit="pixels",
        process_types=_SEEING,
        ge=64,
    )
    max_new_tokens: int = opt(
        128,
        "Caption length",
        "Longest caption in tokens.",
        group=_GROUP,
        tier="advanced",
        unit="tokens",
        process_types=_SEEING,
        detail="A model that thinks gets up to 4096 tokens more for that. Ideogram4Captioner "
        "raises values below 3072 to 3072.",
        ge=1,
        le=8192,
    )
    thinking: bool = opt(
        False,
        "Let the model think",
        "Allow reasoning models to think before answering. Slower, sometimes better.",
        group=_GROUP,
        tier="advanced",
        process_types=("Qwen3VLCaptioner", "Qwen3OmniCaptioner"),
        detail="What was thought is removed from the caption.",
    )
    caption_prompt: str = opt(
        "Describe this image in detail.",
        "Instruction",
        "What the model is asked to do with each file.",
        group=_GROUP,
        editor="multiline",
        process_types=_SEEING,
        detail="Ideogram4Captioner adds it to an instruction of its own, which asks for a "
        "structured scene.",
    )
    compile: bool = opt(
        False,
        "Compile model",
        "Compile the caption model for speed. First files are slow.",
        group=_GROUP,
        tier="expert",
        detail="Falls back to the uncompiled model where it cannot be done.",
    )
    batch_size: int = opt(
        1,
        "Files at once",
        "How many files are captioned in one model call.",
        group=_GROUP,
        tier="advanced",
        unit="files",
        process_types=_OMNI,
        detail="Files of one kind go together; a failing batch is tried file by file.",
        ge=1,
    )
    num_workers: int = opt(
        3,
        "Loader threads",
        "Threads that decode media ahead of the model.",
        group=_GROUP,
        tier="expert",
        unit="threads",
        process_types=_OMNI,
        ge=1,
    )
    layer_offloading: bool = opt(
        False,
        "Stream layers",
        "Keep the weights in system memory and stream them layer by layer.",
        group=_GROUP,
        tier="advanced",
        process_types=_OMNI,
        conflicts=("caption.compile",),
        detail="Needs little GPU memory and is much slower.",
    )
    layer_offloading_percent: float = opt(
        1.0,
        "Streamed share",
        "Fraction of the layers that is streamed.",
        group=_GROUP,
        tier="expert",
        process_types=_OMNI,
        requires=("caption.layer_offloading",),
        ge=0,
        le=1,
    )
    fixed_caption: str | None = opt(
        None,
        "Fixed music caption",
        "Use this text for every song instead of describing it.",
        group=_GROUP,
        tier="advanced",
        editor="prompt",
        process_types=_MUSIC,
        detail="A caption has the blocks CAPTION, LYRICS, BPM, KEYSCALE, TIMESIGNATURE, DURATION "
        "(seconds) and LANGUAGE.",
    )


class CaptionerProcess(Named, OnDevice):
    """Any of the four captioners."""

    kind: ClassVar[str] = "Qwen3VLCaptioner"
    kinds: ClassVar[tuple[str, ...]] = (*_SEEING, *_MUSIC)

    caption: Caption = opt(
        REQUIRED,
        "Captioning",
        "The model, the folder and what is asked.",
        group="Sections",
        container=True,
    )
