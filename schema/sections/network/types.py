"""`network:` - which layers take part, and what single types and families add."""

from schema.option import Section, opt

_NETWORK = "Network"
_TYPES = "Advanced Network Types"
_LOKR = ("network.type", ("lokr",))


class Types(Section):
    """The options of `network:` on layers, LoKr, experts and memory."""

    transformer_only: bool = opt(
        True,
        "Transformer blocks only",
        "Train only the repeated transformer blocks, not input, output and embedding layers.",
        group=_TYPES,
        tier="advanced",
        applies_to=("transformer",),
        on_resume="refused",
        detail="A layer stays if its dotted name holds the name of one of the family's lists of "
        "blocks. Off: every linear layer of the denoiser is trained. The filters of "
        "network_kwargs come on top.",
    )
    all_layers: bool = opt(
        False,
        "Also train norms etc.",
        "Adds full-size changes for layers a LoRA cannot cover, such as norms and embeddings.",
        group=_NETWORK,
        tier="expert",
        on_resume="refused",
        only_with=("network.type", ("lora", "dora", "lokr", "fullrank")),
        detail="W becomes W + m * diff, the bias likewise; both changes start at zero and are "
        "saved as diff and diff_b. Weight decay pulls at the change, not at the weight.",
    )
    lokr_full_rank: bool = opt(
        True,
        "LoKr full rank",
        "Use full (not low-rank) Kronecker factors; the LoKr factor then decides the size.",
        group=_TYPES,
        tier="advanced",
        on_resume="refused",
        only_with=_LOKR,
        default_note="The documentation says off, but every trainer that reads such configs has "
        "it on, and files depend on it.",
        detail="On: rank and alpha do not matter and the scale is 1. Off: the larger factor is "
        "split into two thin matrices wherever 2 * rank is below its longer side.",
    )
    lokr_factor: int = opt(
        -1,
        "LoKr factor",
        "How layers are split for LoKr: -1 picks the most balanced split; small numbers give "
        "bigger files.",
        group=_TYPES,
        tier="advanced",
        on_resume="refused",
        only_with=_LOKR,
        detail="A side d becomes (f, d / f) where the factor f divides it, else the most "
        "balanced pair whose first number is at most f. With out = l * k and in = m * n, W1 is l "
        "x m and W2 is k x n, and the change is kron(W1, W2). 1024 with -1 is (32, 32), with 4 "
        "is (4, 256). 4, 8, 16 and 32 are usual.",
        ge=-1,
    )
    old_lokr_format: bool = opt(
        False,
        "Old LoKr key names",
        "Write LoKr files with the older LyCORIS key names.",
        group=_TYPES,
        tier="expert",
        applies_to=("old_lokr_keys",),
        on_resume="new-trajectory",
        only_with=_LOKR,
        detail="Underscores and the beginning lycoris_ in place of dotted names; alpha then "
        "counts. Both are read.",
    )
    split_multistage_loras: bool = opt(
        True,
        "Split by expert",
        "Save one file for each expert (high and low noise) of a two-expert model.",
        group=_TYPES,
        tier="advanced",
        applies_to=("two_experts",),
        detail="Files end in _high_noise and _low_noise and have the usual names inside. Off: "
        "one file with both. Reading takes either; one of two files finds its sibling.",
    )
    layer_offloading: bool = opt(
        False,
        "Offload network layers",
        "Keep the network's weights in CPU memory and stream them to the GPU when needed.",
        group=_TYPES,
        tier="expert",
        conflicts=("train.merge_network_on_save",),
        only_with=("network.type", ("lora", "locon", "fullrank")),
        detail="As model.layer_offloading; gradients and optimizer stay on the CPU. For very "
        "high ranks. Without a GPU it does nothing.",
    )
