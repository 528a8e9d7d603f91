"""queries.yaml: read strictly, completed from the environment, validated as a whole, frozen. No network."""

from telegraf_plugin.config.dangers import dangers
from telegraf_plugin.config.load import load
from telegraf_plugin.config.model import Config, Credential, Login, Server, Source, Timeouts

__all__ = ["Config", "Credential", "Login", "Server", "Source", "Timeouts", "dangers", "load"]
