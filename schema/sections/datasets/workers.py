"""`datasets:` - how batches are loaded ahead."""

from schema.option import Section, opt

_GROUP = "Workers and performance"
_WORKERS = ("datasets[].num_workers",)


class Workers(Section):
    """The options of a dataset on its loader."""

    num_workers: int = opt(
        2,
        "Loader workers",
        "Background processes that load and prepare images. 0 loads in the training process "
        "itself.",
        group=_GROUP,
        tier="advanced",
        unit="processes",
        detail="What is loaded does not depend on it. Of several datasets the highest number "
        "counts.",
        ge=0,
    )
    prefetch_factor: int = opt(
        2,
        "Prefetch per worker",
        "Batches each worker prepares in advance. Higher smooths slow disks but uses more memory.",
        group=_GROUP,
        tier="expert",
        unit="batches per worker",
        requires=_WORKERS,
        detail="At most num_workers * prefetch_factor batches wait.",
        ge=1,
    )
    persistent_workers: bool = opt(
        False,
        "Persistent workers",
        "Keeps loader processes alive between epochs instead of starting them again. Faster with "
        "small datasets.",
        group=_GROUP,
        tier="expert",
        requires=_WORKERS,
        conflicts=("datasets[].poi",),
    )
    gpu_prefetch_batches: int = opt(
        0,
        "GPU prefetch batches",
        "Copies this many upcoming batches to the GPU in the background. 0 turns it off; each one "
        "costs GPU memory.",
        group=_GROUP,
        tier="expert",
        unit="batches",
        detail="A thread copies them from pinned memory on a stream of its own, in their order; "
        "the step finds them ready. Without a CUDA GPU it only waits in memory.",
        ge=0,
        le=16,
    )
