"""Publishing a finished run on the Hugging Face Hub: `save.push_to_hub`.

Once, after a run that came to its end: the kept weights, the previews and a page about them. What
belongs to this machine alone stays here: configs, states for resuming, records, logs. A failed
upload costs a warning that says how to do it by hand, never the run. Nobody is asked for a login
while a run is at work: whether there is a token is looked at before training.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.errors import ConfigError
from engine.hub_page import Page, page_text
from engine.report import Report
from schema.run.layout import RunFolder
from schema.run.status import State

if TYPE_CHECKING:
    from schema.sections.job import TrainerProcess

README: Final = "README.md"
KEPT_HERE: Final = (
    "*.yaml", "*.pt", "*.db", "*.db-*", "log.txt", "profile.txt", "run.json",
    "status.json", "lock", "state/*", "events/*", "metrics/*", "telemetry/*", "control/*",
    "wandb/*", "samples/.*", ".*",
)  # fmt: skip
"""Patterns of what is not uploaded; `*` goes over folders too."""


def require_token(process: TrainerProcess) -> None:
    """Raises ConfigError when an upload is wanted that could not be made."""
    save = process.save
    if not save.push_to_hub:
        return
    from huggingface_hub import constants, get_token

    if save.hf_repo_id is None:
        raise ConfigError("save.hf_repo_id", "names no repository to upload to, as owner/name.")
    if constants.is_offline_mode():
        raise ConfigError("save.push_to_hub", "cannot be done while HF_HUB_OFFLINE is set.")
    if get_token() is None:
        raise ConfigError(
            "save.push_to_hub", "needs a login.", repair="Set HF_TOKEN, or run `hf auth login`."
        )


@dataclass(frozen=True)
class Publication:
    """The upload of one run, once it is done."""

    folder: RunFolder
    report: Report
    repository: str
    private: bool
    page: Page

    def __call__(self) -> bool:
        """Write the page and upload; False with a warning where that fails."""
        self.report.state(State.SAVING, f"uploading to {self.repository}")
        try:
            self._upload()
        except Exception as error:  # whatever the network or the hub says
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            self.report.warning(
                f"The upload to {self.repository} failed: {reason}. Nothing is lost; by hand: "
                f"{by_hand(self.repository, self.folder.path)}"
            )
            return False
        self.report.events.emit("uploaded", repository=self.repository)
        self.report.say(f"uploaded to https://huggingface.co/{self.repository}")
        return True

    def _upload(self) -> None:
        from huggingface_hub import HfApi

        page = page_text(self.page, self.folder)
        (self.folder.path / README).write_text(page, "utf-8")
        hub = HfApi()
        hub.create_repo(self.repository, private=self.private, repo_type="model", exist_ok=True)
        hub.upload_folder(
            repo_id=self.repository,
            folder_path=self.folder.path,
            repo_type="model",
            ignore_patterns=list(KEPT_HERE),
            commit_message=f"{self.page.name} by FineTUI",
        )


def publication(process: TrainerProcess, folder: RunFolder, report: Report) -> Publication | None:
    """What publishes this run when it is done; None where nobody asked for that."""
    save = process.save
    if not save.push_to_hub or save.hf_repo_id is None:
        return None
    base = process.model.name_or_path
    prompts = [] if process.train.disable_sampling else [s.prompt for s in process.sample.items]
    page = Page(
        name=folder.name,
        repository=save.hf_repo_id,
        arch=process.model.arch,
        base=None if os.path.exists(os.path.expanduser(base)) else base,
        network=process.network is not None and not process.train.merge_network_on_save,
        folder_form=save.save_format == "diffusers",
        trigger=process.trigger_word,
        prompts=tuple(prompts),
        step=process.train.steps,
    )
    return Publication(folder, report, save.hf_repo_id, save.hf_private, page)


def by_hand(repository: str, folder: Path) -> str:
    """The command that uploads what this would have."""
    without = " ".join(f"--exclude {shlex.quote(pattern)}" for pattern in KEPT_HERE)
    return f"hf upload {repository} {shlex.quote(str(folder))} . {without}"
