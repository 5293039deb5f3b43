"""`datasets:` - videos: frames, frame rate and sound."""

from typing import Final

from schema.families import FAMILIES
from schema.option import Section, opt

_GROUP = "Video and multi-frame"
_RATES: Final = {row.arch: row.fps for row in FAMILIES.values() if row.fps not in (None, 16)}


class Video(Section):
    """The options of a dataset on videos."""

    num_frames: int = opt(
        1,
        "Frames per clip",
        "Number of frames taken from each video. 1 means an image dataset.",
        group=_GROUP,
        unit="frames",
        on_resume="new-trajectory",
        applies_to=("video",),
        detail="Above 1 videos are collected beside pictures; pictures stay single frames in "
        "batches of their own. Video models take certain counts only: 4 n + 1 for Wan, 8 n + 1 "
        "for LTX, 17 n + 5 for MiniMax-H3. n latent frames stand for c n + 1 frames.",
        ge=1,
    )
    shrink_video_to_frames: bool = opt(
        True,
        "Spread frames over video",
        "Takes the frames evenly from the whole video. Off takes a random stretch at the frame "
        "rate of the dataset.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("video",),
        detail="On, with T frames in the file and N wanted: frame i is round(i (T - 1) / (N - "
        "1)). Off: every g-th frame, g = max(1, round(source rate / fps)), from a random start "
        "that leaves room for N; files too short for that are spread evenly.",
    )
    fps: int = opt(
        16,
        "Dataset frame rate",
        "Frame rate the clip is taken at and interpreted with. Match your model, for example 16 "
        "for Wan, 24 for LTX.",
        group=_GROUP,
        tier="advanced",
        unit="frames per second",
        on_resume="new-trajectory",
        applies_to=("video",),
        default_note="Newer trainers take 24 for every model; ours is the rate the model was made "
        "at.",
        detail="The rate at which clips are taken without shrinking or with an automatic frame "
        "count, the length of their sound (num_frames / fps seconds), and the rate that LTX is "
        "told. Empty takes that of the model: 16 for Wan, 24 for LTX and MiniMax-H3.",
        family_defaults=_RATES,
        ge=1,
    )
    auto_frame_count: bool = opt(
        False,
        "Automatic frame count",
        "Uses each video in full length at the dataset frame rate instead of a fixed frame count.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("video",),
        requires=("datasets[].buckets",),
        detail="n = floor(seconds * fps), rounded down to a count that the model takes: floor((n "
        "- 1) / c) c + 1 with c frames a latent, or floor(n / c) c + 1 when the tail is not "
        "trimmed. Clips of equal length share batches. num_frames is not used.",
    )
    trim_auto_frame_count_tail: bool = opt(
        True,
        "Trim clip tail",
        "With an automatic frame count, cut the last few frames instead of squeezing the whole "
        "video, so that motion keeps its speed.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("video",),
        requires=("datasets[].auto_frame_count",),
        detail="On: frame i is round(i * source rate / fps) from the beginning, sound cut to "
        "exactly N / fps seconds. Off: N frames as shrink_video_to_frames says, sound stretched "
        "to fit.",
    )
    do_i2v: bool = opt(
        True,
        "Train image-to-video",
        "Gives the model the first frame as start image. Only for models that can do both text- "
        "and image-to-video.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("optional_first_frame",),
        default_note="Newer trainers start with false; a model that can do both keeps both with "
        "true.",
        detail="The first latent frame of a clip is the clean one, its timestep 0, and it has no "
        "loss. Pictures stay text-to-image. Models that always start from a picture take no "
        "notice.",
    )
    do_audio: bool = opt(
        False,
        "Train audio track",
        "Also loads the sound of each video, for models that make sound.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("video", "audio"),
        detail="Made stereo and brought to the model's rate; the range of the chosen frames, "
        "num_frames / fps seconds long. Adds a loss of its own, times "
        "train.audio_loss_multiplier. Clips without sound are silent.",
    )
    audio_preserve_pitch: bool = opt(
        False,
        "Preserve audio pitch",
        "When sound must be stretched to fit the clip, keep its pitch. May add slight artefacts.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("video", "audio"),
        requires=("datasets[].do_audio",),
        detail="By a phase vocoder with windows of 46 ms. Off: plain interpolation, which moves "
        "the pitch.",
    )
    audio_normalize: bool = opt(
        False,
        "Normalize audio level",
        "Scales each soundtrack so that its loudest sample is at full level. Not for clips meant "
        "to be silent.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("video", "audio"),
        requires=("datasets[].do_audio",),
        detail="Times 0.999 / max |sample| of the whole file, before it is cut.",
    )
    debug: bool = opt(
        False,
        "Debug frame selection",
        "Writes to the log which frames are taken from each video. For finding out why.",
        group="Advanced features",
        tier="expert",
        applies_to=("video",),
    )
