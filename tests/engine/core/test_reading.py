"""An option that is set and that no part of a run looks at fails the run's start."""

from __future__ import annotations

import pytest

from engine.errors import ConfigError
from engine.reading import Reading, refuse_ignored
from schema.document import Document
from schema.option import Section
from schema.sections.job import TrainerProcess

TEXT = """\
job: extension
config:
  name: run
  process:
    - type: sd_trainer
      training_folder: /out
      model: {name_or_path: /m, arch: sd1}
      network: {type: lora, linear: 4}
      train: {steps: 7, lr: 0.0003, batch_size: 1, ema_config: {use_ema: true, ema_decay: 0.5}}
      datasets: [{folder_path: /a, flip_x: true}, {folder_path: /b, flip_y: true}]
"""


def process() -> TrainerProcess:
    return Document.parse(TEXT).typed().trainer


def test_what_nobody_looked_up_is_unread_and_defaults_are_not() -> None:
    trainer = process()
    reading = Reading(trainer)
    with reading.noted():
        _ = trainer.train.steps, trainer.model.model_dump(), trainer.datasets[0].folder_path
        _ = trainer.datasets[1].flip_y, trainer.network and trainer.network.linear
    # batch_size is set to its default; `model` was taken whole.
    assert sorted(reading.unread()) == [
        "datasets[0].flip_x",
        "datasets[1].folder_path",
        "train.ema_config.ema_decay",
        "train.ema_config.use_ema",
        "train.lr",
    ]


def test_looking_up_is_noted_below_a_section_too() -> None:
    trainer = process()
    reading = Reading(trainer)
    with reading.noted():
        _ = trainer.train.ema_config.use_ema
    assert "train.ema_config.ema_decay" in reading.unread()
    assert "train.ema_config.use_ema" not in reading.unread()


def test_nothing_is_noted_outside_the_block_and_nothing_left_behind() -> None:
    trainer = process()
    reading = Reading(trainer)
    with reading.noted():
        pass
    _ = trainer.train.lr
    assert "train.lr" in reading.unread()
    assert "__getattribute__" not in vars(Section)


def test_an_ignored_option_is_refused_by_name_unless_check_spoke_of_it() -> None:
    trainer = process()
    reading = Reading(trainer)
    with reading.noted():
        _ = trainer.network and trainer.network.linear
        _ = trainer.train.steps, trainer.train.ema_config.model_dump(), trainer.model.model_dump()
        _ = [dataset.model_dump() for dataset in trainer.datasets]
    with pytest.raises(ConfigError, match=r"train\.lr"):
        refuse_ignored(reading, frozenset())
    refuse_ignored(reading, frozenset({"train.lr"}))
    refuse_ignored(reading, frozenset({"train"}))
