"""kohya's sample prompts: a text file with a prompt and its flags on each line, TOML or JSON."""

import re
from pathlib import Path
from typing import Any, Final

from schema.importers.companions import RefusedError, parse, read_text
from schema.importers.counting import nearby
from schema.importers.draft import Draft
from schema.importers.tables import Row, Source, follow, list_rest, number, text, whole

FLAGS: Final = {
    "w": "width", "h": "height", "d": "seed", "s": "sample_steps", "l": "scale",
    "g": "guidance_scale", "n": "negative_prompt", "ss": "sample_sampler",
    "cn": "controlnet_image", "ctr": "cfg_trunc_ratio", "rcfg": "renorm_cfg", "fs": "flow_shift",
}  # fmt: skip
_FLAG: Final = re.compile(r"([a-z]+)\s+(.*)", re.I | re.S)

_ROWS: Final = {
    "prompt": Row("prompt", text),
    "width": Row("width", whole),
    "height": Row("height", whole),
    "seed": Row("seed", whole),
    "sample_steps": Row("sample_steps", whole),
    "negative_prompt": Row("neg", text),
    "controlnet_image": Row("ctrl_img", text),
}
_REASONS: Final = {
    "sample_sampler": "one sampler draws all previews (sample.sampler)",
    "flow_shift": "previews are shifted as the family does",
    "scale": "beside a guidance the model is told, real guidance has no option of its own here",
}


def put_prompts(draft: Draft, key: str, name: Any, beside: Path) -> bool:
    """Read the prompts file into `sample.samples`. False if there is none to read."""
    path = nearby(name, beside)
    if path is None:
        draft.lost(key, name, "the file is not here, so its prompts are not imported")
        return False
    try:
        items = _items(path, read_text(path))
    except (OSError, RefusedError) as error:
        draft.lost(key, name, f"the file cannot be read ({error})")
        return False
    samples = [
        sample for count, item in enumerate(items, 1) if (sample := _one(draft, item, count))
    ]
    if not samples:
        draft.lost(key, name, "there is no prompt in the file")
        return False
    draft.put("sample.samples", samples)
    draft.took("sample.samples", key)
    # What its previews have where a prompt says nothing.
    for option, value in (("width", 512), ("height", 512), ("seed", -1), ("sample_steps", 30)):
        draft.imply(f"sample.{option}", value)
    flux = draft.get("model.arch") in ("flux", "chroma")
    draft.imply("sample.guidance_scale", 3.5 if flux else 7.5)
    return True


def _items(path: Path, content: str) -> list[Any]:
    if path.suffix.lower() not in (".toml", ".json"):
        lines = [line.strip() for line in content.splitlines()]
        return [line for line in lines if line and not line.startswith("#")]
    data = parse(path, content)
    if isinstance(data, list):
        return data
    common = data.get("prompt", {}) if isinstance(data, dict) else {}
    subsets = common.get("subset", []) if isinstance(common, dict) else []
    shared = {key: value for key, value in common.items() if key != "subset"} if subsets else {}
    return [{**shared, **subset} for subset in subsets if isinstance(subset, dict)]


def _one(draft: Draft, item: Any, count: int) -> dict[str, Any]:
    fields = parsed(item) if isinstance(item, str) else item
    sample: dict[str, Any] = {}
    if not isinstance(fields, dict):
        draft.lost(f"prompt {count}", item, "neither a text nor a table")
        return sample
    source = Source(fields, f"prompt {count}: ")
    # FLUX has the guidance that the model is told (--g); others have real guidance alone (--l).
    told = "guidance_scale" if "guidance_scale" in source else "scale"
    follow({**_ROWS, told: Row("guidance_scale", number)}, source, draft, sample)
    source.take("enum")
    list_rest(source, draft, _REASONS, {})
    return sample if sample.get("prompt") is not None else {}


def parsed(line: str) -> dict[str, Any]:
    """`a cat --w 512 --n bad` as a mapping; what is no known flag stays in the prompt."""
    prompt, *parts = line.split(" --")
    found: dict[str, Any] = {}
    for part in parts:
        match = _FLAG.match(part)
        name = FLAGS.get(match[1].lower()) if match else None
        if match is None or name is None:
            prompt += f" --{part}"
        else:
            found[name] = match[2].strip()
    return {"prompt": prompt.strip(), **found}
