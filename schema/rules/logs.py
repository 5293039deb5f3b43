"""Rules on the log and the programs that are told about a run, and on the older LoRM switch."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []


@rule(RULES, "error", "logging.project_name", "logging.use_wandb")
def project_without_a_name(scope: Scope) -> Iterator[Problem]:
    """Weights & Biases groups runs under a name."""
    logging = scope.process.logging
    if logging.use_wandb and not logging.project_name.strip():
        message = "is empty: Weights & Biases groups runs under a project"
        yield Problem("logging.project_name", message, scope.job.config.name)


@rule(RULES, "hint", "logging.log_every")
def nothing_in_the_log(scope: Scope) -> Iterator[Problem]:
    """0 leaves out what the outside loggers are there for."""
    logging = scope.process.logging
    if logging.log_every == 0 and (logging.use_wandb or logging.use_ui_logger):
        yield Problem("logging.log_every", "0 sends nothing to the loggers that are on", "100")


@rule(RULES, "warning", "do_lorm", "network")
def lorm_has_moved(scope: Scope) -> Iterator[Problem]:
    """LoRM is a network type now."""
    network = scope.process.network
    if scope.process.do_lorm and (network is None or network.type != "lorm"):
        yield Problem("do_lorm", "does nothing; LoRM is the network type lorm now", "false")
