"""`python -m tests.e2e.page [PORT]`: the page over the scripted workspace, to look at."""

from __future__ import annotations

import asyncio
import sys

from tests.e2e.page import scenes
from tests.e2e.page.fake_server import ADA, Workspace, serve


async def main(port: int) -> None:
    world = Workspace()
    scenes.run(world)
    world.post(text="Every element", blocks=scenes.scene("every_element"))
    world.railway = scenes.scene("railway")
    world.journal = scenes.scene("journal")
    world.homes[ADA] = scenes.scene("home")
    async with serve(world, port) as url:
        print(url)
        await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8900))
