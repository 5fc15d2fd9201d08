"""`luthien demo`: what a newcomer starts, uses, stops and starts again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from app.demo import clean_environment
from tests.e2e.chat import Chat
from tests.e2e.house import until
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@contextmanager
def demo(port: int, data: Path) -> Iterator[subprocess.Popen[str]]:
    command = ["demo", "--port", str(port), "--speed", "100", "--data", str(data)]
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *command],
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


@asynccontextmanager
async def people(port: int) -> AsyncIterator[Chat]:
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30
    ) as http:
        yield Chat(http)


def first_lines(process: subprocess.Popen[str], count: int = 4) -> list[str]:
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(count)]
    assert all(lines), process.communicate()
    return lines


async def test_four_lines_then_it_works_and_a_second_start_finds_it_all(tmp_path: Path) -> None:
    port = free_port(together=2)
    with demo(port, tmp_path) as process:
        workspace, page, typed, stop = await asyncio.to_thread(first_lines, process)
        assert workspace.split() == ["Open", f"http://127.0.0.1:{port}/"]
        assert page.split()[:2] == ["Page", f"http://127.0.0.1:{port + 1}/"]
        assert "/luthien create acme" in typed
        assert "Ctrl-C" in stop
        assert f"rm -rf {tmp_path}" in stop
        async with people(port) as chat:
            await chat.ada.types("/luthien create acme")
            await chat.ada.sees("Create instance acme", "done in", within=60)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.to_thread(process.communicate)
        assert (process.returncode, out, err) == (0, "", "")
    with demo(port, tmp_path) as process:
        await asyncio.to_thread(first_lines, process)
        async with people(port) as chat:
            await chat.ada.types("/luthien list")
            await chat.ada.sees("acme", "running", private=True)


async def test_a_taken_port_is_said_with_the_way_out(tmp_path: Path) -> None:
    port = free_port(together=2)
    for taken in (port, port + 1):
        with socket.create_server(("127.0.0.1", taken)), demo(port, tmp_path) as process:
            out, err = await asyncio.to_thread(process.communicate)
            assert (process.returncode, out) == (2, "")
            assert f"Port {taken} is taken." in err
            assert f"Next: make demo PORT={port + 100} DEMO_DATA={tmp_path}" in err


async def test_a_second_demo_on_the_same_folder_is_sent_to_the_first(tmp_path: Path) -> None:
    port, other = free_port(together=2), free_port(together=2)
    with demo(port, tmp_path) as first:
        await asyncio.to_thread(first_lines, first)
        log = (tmp_path / "luthien.log").read_bytes()
        with demo(other, tmp_path) as second:
            out, err = await asyncio.to_thread(second.communicate)
            assert (second.returncode, out) == (2, "")
            assert f"http://127.0.0.1:{port}/" in err
            assert f"Next: make demo PORT={other + 100} DEMO_DATA={tmp_path}-{other + 100}" in err
        assert (tmp_path / "luthien.log").read_bytes().startswith(log)


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
async def test_nothing_is_left_running_when_the_terminal_closes(
    tmp_path: Path, how: signal.Signals
) -> None:
    port = free_port(together=2)
    with demo(port, tmp_path) as process:
        await asyncio.to_thread(first_lines, process)
        process.send_signal(how)
        await asyncio.to_thread(process.communicate)

        async def both_ports_are_free() -> bool:
            try:
                for taken in (port, port + 1):
                    socket.create_server(("127.0.0.1", taken)).close()
            except OSError:
                return False
            return True

        await until(both_ports_are_free, within=20, what="both parts end")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["demo", "--port", "70000"], "1<=x<=65534"),
        (["demo", "--speed", "0"], "x>0"),
        (["sandbox", "--port", "70000"], "0<=x<=65535"),
        (["sandbox", "--request-url", "nowhere"], "must begin with http://"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(command: list[str], said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "app", *command],
        env=clean_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert said in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_sandbox_on_a_taken_port_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = subprocess.run(
            [sys.executable, "-m", "app", "sandbox", "--port", str(port)],
            env=clean_environment({}),
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 1
    assert f"Port {port} cannot be used" in ran.stderr
    assert "Next: luthien sandbox --port 0" in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_when_a_part_dies_the_demo_says_which_and_ends(tmp_path: Path) -> None:
    port = free_port(together=2)
    with demo(port, tmp_path) as process:
        await asyncio.to_thread(first_lines, process)
        owner = json.loads((tmp_path / "luthien" / "luthien.lock").read_text())
        os.kill(owner["pid"], signal.SIGKILL)
        _, err = await asyncio.to_thread(process.communicate)
        assert process.returncode == 1
        assert "luthien ended by itself" in err
        assert str(tmp_path / "luthien.log") in err
        with socket.create_server(("127.0.0.1", port)):
            pass  # the other part is gone too


async def test_sandbox_passes_its_arguments_on(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "sandbox", "--help"),
        cwd=tmp_path,
        env=clean_environment({}),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert "--request-url" in out.decode()
