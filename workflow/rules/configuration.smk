"""Reads and checks the configuration.

Needs: config.yaml, or the files given with --configfile, and what --config adds.
Makes: CONFIG, and the library's place on the path of imports.
"""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Of this file, which may be part of another workflow (`module`).
sys.path.insert(0, str(Path(workflow.current_basedir).parent / "scripts"))

from winnow.config.parse import parse_config
from winnow.config.words import ConfigError
from winnow.config.yaml_files import check_config_file

# A module's configuration comes from the workflow around it, from whatever file.
is_module = not workflow.modifier.is_main_snakefile()
config_files = [] if is_module else workflow.overwrite_configfiles or ["config.yaml"]
config_origin = ", ".join(map(str, config_files)) or "the configuration of the module"
if workflow.config_settings.config:
    config_origin += " with --config"
try:
    for config_file in config_files:
        check_config_file(config_file)
    CONFIG = parse_config(config, config_origin)
except ConfigError as error:
    raise WorkflowError(f"The configuration cannot be run.\n{error}") from None
