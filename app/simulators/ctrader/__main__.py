"""`python -m app.simulators.ctrader --config servers.json`: any number of environments in one process."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import msgspec
from aiohttp import web

from app.simulators.ctrader.config import ProcessConfig, read_config
from app.simulators.ctrader.log import log
from app.simulators.ctrader.simulator import Simulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.simulators.ctrader", description=__doc__)
    parser.add_argument("--config", type=Path, help='JSON: {"servers": [...], "health_port": n}, or one server')
    parser.add_argument("--manager-port", type=int)
    parser.add_argument("--web-port", type=int)
    parser.add_argument("--openapi-port", type=int)
    parser.add_argument("--control-port", type=int)
    parser.add_argument("--data-dir")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--speed", type=float)
    parser.add_argument("--health-port", type=int)
    return parser.parse_args()


def _configuration(arguments: argparse.Namespace) -> ProcessConfig:
    """The file, or one default server; single settings on the command line win for a single server."""
    config = read_config(arguments.config.read_bytes()) if arguments.config else read_config(b"{}")
    given = {
        name: value
        for name in ("manager_port", "web_port", "openapi_port", "control_port", "data_dir", "seed", "speed")
        if (value := getattr(arguments, name)) is not None
    }
    servers = tuple(msgspec.structs.replace(server, **given) for server in config.servers)
    health_port = config.health_port if arguments.health_port is None else arguments.health_port
    return msgspec.structs.replace(config, servers=servers, health_port=health_port)


async def _serve(config: ProcessConfig) -> None:
    simulators = [Simulator(server) for server in config.servers]
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    for simulator in simulators:
        await simulator.start()
    health = web.AppRunner(_health_app(simulators), access_log=None)
    await health.setup()
    await web.TCPSite(health, config.health_host, config.health_port).start()
    # One line on the standard output, for whoever started us with port 0.
    ready = {
        "health_port": health.addresses[0][1],
        "servers": [simulator.address() for simulator in simulators],
    }
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()
    await stopping.wait()
    log("stopping")
    await health.cleanup()
    for simulator in simulators:
        await simulator.stop()


def _health_app(simulators: list[Simulator]) -> web.Application:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "servers": [simulator.address() for simulator in simulators]})

    app = web.Application()
    app.add_routes([web.get("/health", health)])
    return app


if __name__ == "__main__":
    asyncio.run(_serve(_configuration(_arguments())))
