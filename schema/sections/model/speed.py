"""`model:` - compiling the denoiser."""

from typing import Literal

from schema.option import Section, opt

_COMPILE = "Compilation & Optimization"


class Speed(Section):
    """The options of `model:` on compilation."""

    compile: bool = opt(
        False,
        "Compile model",
        "Compile the denoiser for faster steps after a slow start.",
        group=_COMPILE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="After quantizing, offloading and attaching the network, just before the first "
        "preview. Text encoder and VAE are not compiled. What cannot be compiled runs as before, "
        "with a warning.",
    )
    block_compile: bool = opt(
        False,
        "Compile blocks only",
        "Compile each block instead of the whole model; much faster start.",
        group=_COMPILE,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("model.compile",),
        detail="Blocks that are alike share compiled code. A model without repeated blocks is "
        "compiled as a whole.",
    )
    compile_mode: Literal[
        "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"
    ] = opt(
        "default",
        "Compile mode",
        "How hard the compiler tries.",
        group=_COMPILE,
        tier="expert",
        on_resume="new-trajectory",
        requires=("model.compile",),
        choices={
            "default": "a good balance",
            "reduce-overhead": "CUDA graphs: less work for the CPU, more memory",
            "max-autotune": "tries many kernels first; slowest start",
            "max-autotune-no-cudagraphs": "the same without CUDA graphs",
        },
    )
    compile_fullgraph: bool = opt(
        False,
        "Compile full graph",
        "Fail instead of splitting when a block cannot be compiled in one piece.",
        group=_COMPILE,
        tier="expert",
        on_resume="new-trajectory",
        requires=("model.compile", "model.block_compile"),
        conflicts=("model.layer_offloading",),
        detail="Off in any case for a whole model, and for one that is both quantized and "
        "offloaded.",
    )
    compile_dynamic: bool = opt(
        True,
        "Compile dynamic shapes",
        "Allow changing picture sizes without compiling again.",
        group=_COMPILE,
        tier="expert",
        on_resume="new-trajectory",
        requires=("model.compile",),
        detail="Off compiles once for every bucket size: the fastest steps, the slowest start.",
    )
    cache_size_limit: int | None = opt(
        None,
        "Compile cache limit",
        "How many compiled variants are kept before going on without compiling.",
        group=_COMPILE,
        tier="expert",
        requires=("model.compile",),
        detail="With blocks it is at least twice the number of blocks. Empty takes just that, or "
        "the library's own limit for a whole model.",
        ge=1,
    )
