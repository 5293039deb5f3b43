"""`adapter:` - an extra module that conditions the model, composed from a file per subject."""

from schema.sections.adapter.attention import Attention
from schema.sections.adapter.basics import Basics
from schema.sections.adapter.control import Control
from schema.sections.adapter.encoder import Encoder
from schema.sections.adapter.ilora import ILora
from schema.sections.adapter.t2i import T2I
from schema.sections.adapter.words import Words

__all__ = ["Adapter"]


class Adapter(Control, ILora, Attention, Words, Encoder, T2I, Basics):
    """Everything under `adapter:` (pydantic orders the fields from the last base to the first)."""
