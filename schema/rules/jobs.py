"""Rules on the job as a whole: which processes fit its kind, what stands for all of them."""

from collections.abc import Iterator

from schema.option import meta_of
from schema.rules.rule import Problem, ProcessScope, Rule, rule
from schema.sections.job import JobConfig
from schema.sections.processes import PROCESS_ROWS
from schema.sections.processes.extract import ExtractProcess

RULES: list[Rule] = []


@rule(RULES, "error", "job", "type")
def process_fits_the_job(scope: ProcessScope) -> Iterator[Problem]:
    """Each process type belongs to one kind of job."""
    kind = PROCESS_ROWS[scope.process.type].job
    if scope.job.job != kind:
        message = f"a process of type {scope.process.type} belongs in a job of the kind {kind}"
        yield Problem("job", message, kind)


@rule(RULES, "warning", "config.base_model", "config.extract_model", "config.is_v2")
def key_of_another_job(scope: ProcessScope) -> Iterator[Problem]:
    """Keys under config: that none of the processes reads."""
    config = scope.job.config
    present = {process.type for process in config.process}
    for name in JobConfig.model_fields:
        types = meta_of(JobConfig.model_fields[name]).process_types
        if name in config.model_fields_set and types and not present & set(types):
            message = f"has no effect here: only processes of type {' or '.join(types)} read it"
            yield Problem(f"config.{name}", message)


@rule(RULES, "error", "config.base_model", "config.extract_model", "config.output_folder")
def extraction_needs_two_models(scope: ProcessScope) -> Iterator[Problem]:
    """Two models to compare and a folder for the result, once for all processes."""
    if not isinstance(scope.process, ExtractProcess):
        return
    config = scope.job.config
    for name, words in (
        ("base_model", "the model that the fine-tuning started from"),
        ("extract_model", "the fine-tuned model"),
    ):
        if getattr(config, name) is None:
            yield Problem(f"config.{name}", f"is required to extract a LoRA: {words}")
    if config.output_folder is None and scope.process.output_path is None:
        message = "is required to extract a LoRA, or output_path in each process"
        yield Problem("config.output_folder", message)
    if config.base_model is not None and config.base_model == config.extract_model:
        message = "is the base model itself, so there is no difference to extract"
        yield Problem("config.extract_model", message)
