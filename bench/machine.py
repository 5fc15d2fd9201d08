"""What the figures were measured on, without anything that names the machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil


def machine(folder: Path) -> str:
    """CPU, cores, memory, disk of `folder`, system, Python."""
    memory = psutil.virtual_memory().total / 2**30
    parts = (
        _cpu(),
        f"{os.cpu_count()} cores",
        f"{memory:.0f} GiB memory",
        f"data on {_filesystem(folder)}",
        _system(),
        f"{platform.python_implementation()} {platform.python_version()}",
    )
    return ", ".join(parts)


def load() -> str:
    """How much of the CPU was wanted in the last minute, and what that means for the figures."""
    average = os.getloadavg()[0]
    said = f"load average before {average:.1f}"
    if average > (os.cpu_count() or 1) / 2:
        said += ": **busy with other work, so figures are worse than on an idle machine**"
    return said


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()


def _filesystem(folder: Path) -> str:
    """A durable commit costs nothing in memory, so it matters where the data lies."""
    where = folder.resolve()
    mounts = psutil.disk_partitions(all=True)
    holding = [m for m in mounts if where.is_relative_to(m.mountpoint)]
    return max(holding, key=lambda m: len(m.mountpoint)).fstype if holding else "unknown disk"


def _system() -> str:
    kernel = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']} ({kernel})"
    except (OSError, KeyError):
        return kernel
