"""queries.yaml: read strictly, completed from the environment, validated as a whole, frozen. No network.

What validates it (`load`) is imported by name alone: it takes 14 MiB, which the plugin leaves to `reader_process`.
"""

from telegraf_plugin.config.dangers import dangers
from telegraf_plugin.config.model import Config, Credential, Login, Server, Source, Timeouts

__all__ = ["Config", "Credential", "Login", "Server", "Source", "Timeouts", "dangers"]
