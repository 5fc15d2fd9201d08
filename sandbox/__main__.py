"""`python -m sandbox`: starts the stand-ins of Railway and Slack on 127.0.0.1."""

from __future__ import annotations

import socket
from pathlib import Path

import click
import uvicorn

from sandbox.server import DroppableProtocol, Settings, create_app


def _http_url(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.BadParameter("must begin with http:// or https://")
    return url


def _listen(port: int) -> socket.socket:
    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise click.ClickException(
            f"Port {port} cannot be used ({error.strerror}): another program listens there.\n"
            "You can stop that program, or choose another port.\n"
            "Next: luthien sandbox --port 0   (picks a free one)"
        ) from None
    # asyncio does this only for sockets that it makes itself; without it a kept-alive connection
    # stalls for 40 ms on every answer.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


@click.command(help="Local stand-ins of Railway and Slack, with a page to use them by hand.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8899,
    show_default=True,
    help="0 picks a free one.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Divides the time that Railway's own work takes.",
)
@click.option("--seed", default=1, show_default=True, help="Ids and durations follow from it.")
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The Slack app's manifest: its commands and scopes.",
)
@click.option(
    "--request-url",
    callback=_http_url,
    help="Where Slack posts to in HTTP mode. Default: Socket Mode.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that keeps the state. Default: memory only.",
)
@click.option("--expect-bot", is_flag=True, help="Be ready only once a bot is connected.")
@click.option(
    "--address",
    callback=_http_url,
    help="The address that clients are told, where something stands in between.",
)
def main(
    port: int,
    speed: float,
    seed: int,
    manifest: Path | None,
    request_url: str | None,
    data: Path | None,
    expect_bot: bool,
    address: str | None,
) -> None:
    listening = _listen(port)
    bound: int = listening.getsockname()[1]
    config = uvicorn.Config(
        create_app(Settings(bound, speed, seed, manifest, request_url, data, expect_bot, address)),
        http=DroppableProtocol,
        ws="websockets-sansio",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    click.echo(f"The sandbox is at http://127.0.0.1:{bound}")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
