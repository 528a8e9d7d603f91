"""`python -m telegraf_plugin` is `data-collector`."""

import sys

from telegraf_plugin.cli import main

if __name__ == "__main__":
    sys.exit(main())
