"""The architecture names as configs spell them. A test holds them against the rows."""

from typing import Final, Literal

ArchName = Literal[
    "sd1", "sd2", "sdxl", "ssd", "vega", "sd3", "pixart", "pixart_sigma", "auraflow", "flux",
    "lumina2", "flex2", "flux_kontext", "chroma", "chroma_radiance", "zeta_chroma", "wan21",
    "wan21_i2v", "wan22_5b", "wan22_14b", "wan22_14b_i2v", "cogview4", "hidream", "hidream_e1",
    "hidream_o1", "f-lite", "omnigen2", "qwen_image", "qwen_image_edit", "qwen_image_edit_plus",
    "flux2", "flux2_klein_4b", "flux2_klein_9b", "zimage", "zimage_l2p", "ernie_image",
    "nucleus_image", "ideogram4", "prx_pixel", "krea2", "boogu_image", "boogu_image_edit",
    "mageflow", "mageflow_edit", "anima", "ltx2", "ltx2.3", "ltx2.5", "minimax_h3",
    "minimax_h3_ref2va", "ace_step_15", "ace_step_15_xl",
]  # fmt: skip

IMPLIED_FLAGS: Final = {"ssd": ("is_xl",), "vega": ("is_xl",), "pixart_sigma": ("is_pixart",)}
"""Older flags that may stand beside a family's own, because it is a kind of the other."""
