"""Print the JSON schema of the configuration, or with `--table` the table of settings of docs/settings.md."""

import sys

from winnow.config.documents import schema, settings_table

if __name__ == "__main__":
    sys.stdout.write(settings_table() if "--table" in sys.argv[1:] else schema())
