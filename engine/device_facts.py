"""What torch says about this machine, as JSON on stdout: `python -P -m engine.device_facts`.

Asked by `finetui doctor`, which itself never imports torch. Whatever fails is told as a word in
`error`, not raised: a broken installation is just what is being looked for.
"""

import importlib.metadata
import json
import sys
from typing import Any


def torch_facts() -> dict[str, Any]:
    """Version, build and devices of torch; `error` says why it cannot be imported.

    `memory` is in bytes; `capability` is CUDA's compute capability, such as "9.0".
    """
    try:
        import torch  # 2 s: this is why the question is asked in a process of its own
    except (ImportError, OSError, RuntimeError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    facts: dict[str, Any] = {
        "error": None,
        "version": torch.__version__,
        "cuda_build": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "mps": torch.backends.mps.is_available(),
        "cuda": torch.cuda.is_available(),
        "devices": [],
    }
    for index in range(torch.cuda.device_count() if facts["cuda"] else 0):
        row = torch.cuda.get_device_properties(index)
        facts["devices"].append(
            {
                "name": row.name,
                "memory": row.total_memory,
                "capability": f"{row.major}.{row.minor}",
                "bf16": torch.cuda.is_bf16_supported(),
            }
        )
    return facts


def torchvision_fault() -> str | None:
    """Why an installed torchvision cannot be imported beside this torch, if it cannot.

    A torchvision of another build takes diffusers, peft and transformers down with it, while a
    missing one harms nobody.
    """
    try:
        importlib.metadata.version("torchvision")
    except importlib.metadata.PackageNotFoundError:
        return None
    try:
        import torchvision  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def main() -> int:
    """Print the facts."""
    facts = torch_facts()
    facts["torchvision_error"] = None if facts["error"] else torchvision_fault()
    json.dump(facts, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
