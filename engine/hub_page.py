"""The README of a published run: front matter that the Hub reads, previews, how to use the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schema.formulas.captions import fill_placeholders
from schema.formulas.prompts import split_flags
from schema.run.layout import RunFolder

_TAGS: Final = {
    "sd1": "stable-diffusion", "sd2": "stable-diffusion", "sdxl": "stable-diffusion-xl",
    "sd3": "sd3", "flux": "flux", "lumina2": "lumina2",
}  # fmt: skip
_PICTURE = re.compile(r"(\d+)__(\d{9,})_(\d+)\.\w+")


@dataclass(frozen=True)
class Page:
    """What the page is about."""

    name: str
    repository: str
    arch: str
    base: str | None
    """The base model on the Hub; None for one that lies on this machine."""
    network: bool
    folder_form: bool
    trigger: str | None
    prompts: tuple[str, ...]
    step: int


def page_text(page: Page, folder: RunFolder) -> str:
    """The README as Markdown."""
    shown = list(previews(page, folder.samples))
    lines = ["---", *_front_matter(page, shown), "---", "", f"# {page.name}", ""]
    lines += ["<Gallery />", ""] if shown else []
    if page.trigger:
        lines += [
            "## Trigger word", "", f"Use `{page.trigger}` in the prompt to call up what was "
            "trained.", "",
        ]  # fmt: skip
    lines += [
        "## Download", "", f"[The files]({_url(page)}/tree/main) hold the weights.", "",
        "## Use with diffusers", "", "```py", *_usage(page), "```", "",
        "Trained with FineTUI.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def previews(page: Page, samples: Path) -> Iterator[tuple[str, str]]:
    """Prompt and file name of each preview of the last step, the newest where there are two."""
    newest: dict[int, str] = {}
    for path in sorted(samples.glob("*")):
        match = _PICTURE.fullmatch(path.name)
        if match and int(match[2]) == page.step:
            newest[int(match[3])] = path.name
    for index, prompt in enumerate(page.prompts):
        if index in newest:
            yield split_flags(fill_placeholders(prompt, page.trigger))[0], newest[index]


def _front_matter(page: Page, shown: list[tuple[str, str]]) -> Iterator[str]:
    """YAML; every value is written as JSON, which is YAML too."""
    tags = ["text-to-image", _TAGS.get(page.arch, page.arch)]
    tags += ["lora", "diffusers", "template:sd-lora"] if page.network else ["diffusers"]
    values: dict[str, Any] = {"tags": [*tags, "finetui"]}
    if page.base is not None:
        values["base_model"] = page.base
    if page.trigger:
        values["instance_prompt"] = page.trigger
    values |= _license(page)
    if shown:
        values["widget"] = [
            {"text": prompt, "output": {"url": f"samples/{name}"}} for prompt, name in shown
        ]
    for key, value in values.items():
        yield f"{key}: {json.dumps(value, ensure_ascii=False)}"


def _license(page: Page) -> dict[str, str]:
    if page.arch != "flux":
        return {"license": "creativeml-openrail-m"}
    if "schnell" in (page.base or "").lower():
        return {"license": "apache-2.0"}
    return {
        "license": "other",
        "license_name": "flux-1-dev-non-commercial-license",
        "license_link": "https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md",
    }


def _usage(page: Page) -> list[str]:
    dtype = "torch.bfloat16" if page.arch == "flux" else "torch.float16"
    base, prompt = page.base or "path/to/the/base/model", page.trigger or "a prompt"
    load = "from diffusers import AutoPipelineForText2Image"
    file = f"{page.name}.safetensors"
    if page.network:
        lines = [
            f"pipeline = AutoPipelineForText2Image.from_pretrained({base!r}, torch_dtype={dtype})",
            f"pipeline.load_lora_weights({page.repository!r}, weight_name={file!r})",
        ]
    elif page.folder_form:
        load = "from diffusers import AutoPipelineForText2Image\n" \
            "from huggingface_hub import snapshot_download"  # fmt: skip
        lines = [
            f"folder = snapshot_download({page.repository!r}) + {f'/{page.name}'!r}",
            f"pipeline = AutoPipelineForText2Image.from_pretrained(folder, torch_dtype={dtype})",
        ]
    else:
        kind = {"sdxl": "StableDiffusionXLPipeline", "flux": "FluxPipeline"}
        pipeline = kind.get(page.arch, "StableDiffusionPipeline")
        load = f"from diffusers import {pipeline}"
        lines = [
            f"url = {f'{_url(page)}/blob/main/{file}'!r}",
            f"pipeline = {pipeline}.from_single_file(url, torch_dtype={dtype})",
        ]
    return ["import torch", load, "", *lines, f'image = pipeline.to("cuda")({prompt!r}).images[0]']


def _url(page: Page) -> str:
    return f"https://huggingface.co/{page.repository}"
