"""`TelegrafProcess`: one real Telegraf with its configuration, its environment and its log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import engines
from lab.loopback import HOST, http_status, wait_until
from lab.process import Process, alive, children

NO_ENV_FILE = {"COLLECTOR_ENV_FILE": ""}
"""A clone's own `.env` would complete what a test or the demo sets."""


def program_path() -> str:
    """A PATH on which `data-collector` is the one of the Python that runs this."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def work_folder(folder: Path) -> Path:
    """Make `folder` a place to run the shipped telegraf.conf in, and return it.

    The files of the repository appear in it by symlink (the very files, not copies); `logs/` is its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("telegraf.conf", "config"):
        (folder / name).symlink_to(engines.REPOSITORY / name)
    (folder / "logs").mkdir()
    return folder


def run_telegraf(
    arguments: Sequence[str], env: Mapping[str, str], cwd: Path, timeout_s: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run telegraf to its end (`--test`, `--once`, `config check`) with its output captured as text.

    The environment is `env` and `program_path`. Raises subprocess.TimeoutExpired after `timeout_s` seconds.
    """
    return subprocess.run(
        [str(engines.telegraf()), *arguments],
        env={"PATH": program_path(), **NO_ENV_FILE, **env},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


class TelegrafProcess(Process):
    """Telegraf as a daemon, with `env` and `program_path` for its environment and nothing of the caller's.

    Its stderr, in which the plugin's is, goes to `log_file`. A context that starts and stops it.
    """

    def __init__(
        self,
        config: Path,
        env: Mapping[str, str],
        cwd: Path,
        log_file: Path | None = None,
        directories: Sequence[Path] = (),
    ) -> None:
        """`cwd` is where relative paths in the configuration begin; by default the log is put there too.

        The files of `directories` are loaded behind `config`.
        """
        command = [str(engines.telegraf()), "--config", str(config)]
        command += [word for folder in directories for word in ("--config-directory", str(folder))]
        super().__init__(command, {"PATH": program_path(), **NO_ENV_FILE, **env}, cwd, log_file or cwd / "telegraf.log")
        self._plugins: list[int] = []

    def plugin_pid(self, timeout_s: float = 10.0) -> int:
        """The process id of the one execd plugin, waited for. Raises TimeoutError. Linux only."""
        return wait_until(lambda: children(self.pid), "Telegraf's plugin", timeout_s)[0]

    def reload(self) -> None:
        """SIGHUP: read the configuration again, which restarts the plugins."""
        self._signal(signal.SIGHUP)

    def kill(self) -> None:
        """End Telegraf by SIGKILL, as a crash would; its plugin is left to notice that stdin ended."""
        if self.running:
            self._plugins += children(self.pid)
        super().kill()

    def stop(self, timeout_s: float = 20.0) -> None:
        """End Telegraf by SIGTERM, by SIGKILL after `timeout_s`; and a plugin that outlives it by 5 s."""
        super().stop(timeout_s)
        for plugin in self._plugins:
            try:
                wait_until(lambda pid=plugin: not alive(pid), f"the end of plugin {plugin}", 5.0)  # type: ignore[misc]
            except TimeoutError:
                os.kill(plugin, signal.SIGKILL)
        self._plugins.clear()

    @staticmethod
    def health(port: int) -> int:
        """The status of outputs.health on that port; 0 when nobody answers."""
        return http_status(f"http://{HOST}:{port}/health")
