"""What a run says of itself while it runs, and the targets that may be asked for.

Needs: CONFIG.
Makes: show_progress() and end_progress(), which the hooks of a run call; describe_target() and targets_message().
"""

import csv

from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from winnow.progress.run import Job, Run
from winnow.progress.targets import list_targets

PLUGIN = "snakemake_logger_plugin_winnow"


def show_progress():
    """Let the plugin speak instead of Snakemake's own handler, which is quiet in its own way where it is asked to be.

    Snakemake finds plugins among installed packages only, and this one comes with the workflow: hence by hand.  No run
    is to fail for it.
    """
    try:
        attach_plugin()
    except Exception as error:
        logger.warning(f"The progress cannot be shown ({type(error).__name__}: {error}); the run goes on without.")


def attach_plugin():
    """Give the plugin this run and the place of Snakemake's own handler, unless the user wants it otherwise."""
    manager = workflow.logger_manager
    quiet = {Quietness.ALL, Quietness.PROGRESS} & set(manager.settings.quiet or ())
    others = [handler for handler in manager.plugin_handlers if handler.writes_to_stream]
    default = [handler for handler in manager.logger.handlers if handler.name == "DefaultStreamHandler"]
    if quiet or others or not default or os.environ.get("WINNOW_PROGRESS") == "snakemake":
        return
    sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "plugins"))
    import snakemake_logger_plugin_winnow as plugin

    LoggerPluginRegistry().register_plugin(PLUGIN, plugin)
    handler = LoggerPluginRegistry().get_plugin("winnow").log_handler(manager.settings, None)
    handler.begin(planned_run())
    manager.logger.removeHandler(default[0])
    manager.logger.addHandler(handler)


def planned_run():
    """The jobs that this run is to do."""
    jobs = [
        Job(job.jobid, job.rule.name, dict(job.wildcards_dict), Path(str(job.log[0])) if job.log else None)
        for job in workflow.dag.needrun_jobs()
    ]
    return Run(
        CONFIG.experiment,
        jobs,
        CONFIG.pruning.rounds,
        remote=workflow.nodes is not None,
        seconds=seconds_before({job.rule for job in jobs}),
    )


def seconds_before(rules_of_run, at_most=20):
    """What jobs of each rule took in earlier runs of the experiment, in the mean of some."""
    means = {}
    for name in rules_of_run:
        seconds = []
        for path in sorted(Path("results", CONFIG.experiment, "benchmarks", name).glob("*.tsv"))[:at_most]:
            try:
                seconds += [float(row["s"]) for row in csv.DictReader(path.open(), delimiter="\t")]
            except (OSError, KeyError, ValueError, TypeError):
                continue
        if seconds:
            means[name] = sum(seconds) / len(seconds)
    return means


def end_progress():
    """Let Snakemake speak again."""
    for handler in workflow.logger_manager.logger.handlers:
        if type(handler).__module__ == PLUGIN:
            handler.close()


def describe_target(target, text):
    """Say what a target is whose rule is made in a loop, where it can have no docstring of its own."""
    name = workflow.modifier.modify_rulename(target)
    if workflow.is_rule(name):
        workflow.get_rule(name).docstring = text


def targets_message():
    """The targets that may be asked for, a line each: the rules that make no file of their own."""
    targets = [rule for rule in workflow.rules if not rule.output]
    listed = list_targets({rule.name: rule.docstring for rule in targets if rule.name != "help_targets"})
    return listed.replace("{", "{{").replace("}", "}}")
