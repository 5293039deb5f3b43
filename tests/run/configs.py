"""A small config whose files need not exist: for tests of what happens before training."""

from pathlib import Path

TEXT = """\
job: extension
config:
  name: cats
  process:
    - type: sd_trainer
      training_folder: {output}
      model:
        name_or_path: base
      network:
        type: lora
        linear: 4
      train:
        steps: {steps}
        lr: 1e-4
      datasets:
        - folder_path: pictures
"""


def config_text(output: Path | str = "output", steps: int = 10) -> str:
    """The config as YAML."""
    return TEXT.format(output=output, steps=steps)


def write_config(folder: Path, steps: int = 10) -> Path:
    """The config in `folder`, with its runs in `folder/output`."""
    path = folder / "config.yaml"
    path.write_text(config_text(folder / "output", steps))
    return path
