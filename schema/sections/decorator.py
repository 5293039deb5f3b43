"""`decorator:` - learned tokens that are always put behind the prompt."""

from schema.option import Section, opt


class Decorator(Section):
    """Everything under `decorator:`; its presence trains the tokens."""

    num_tokens: int = opt(
        4,
        "Decorator tokens",
        "Learn a few extra text tokens that are always put behind the prompt.",
        group="Decorator",
        tier="expert",
        unit="tokens",
        on_resume="refused",
        detail="Vectors behind the T5 tokens of every positive prompt (zeros for negative ones), "
        "in previews too, trained with train.lr and saved in a file of their own.",
        ge=1,
        le=256,
    )
