"""The adapter for each kind of platform."""

from __future__ import annotations

from app.trading.connector.pace import Pace
from app.trading.platforms.base import TradingPlatform
from app.trading.platforms.ctrader.adapter import CTraderPlatform, Options
from app.trading.platforms.ctrader.link import LinkSettings
from app.trading.platforms.ctrader.session import Endpoint as ManagerEndpoint
from app.trading.platforms.ctrader.webservices import WebEndpoint
from app.trading.platforms.mt5.adapter import MT5Platform
from app.trading.platforms.mt5.connection import Endpoint
from app.trading.platforms.mt5.pool import PoolSettings
from app.trading.service.connections import ConnectionSettings


def make_platform(settings: ConnectionSettings, pace: Pace) -> TradingPlatform:
    """A platform that is not connected yet. Raises ssl.SSLError when its pinned authority cannot be read."""
    return _ctrader(settings, pace) if settings.kind == "ctrader" else _mt5(settings, pace)


def _mt5(settings: ConnectionSettings, pace: Pace) -> TradingPlatform:
    endpoint = Endpoint(
        host=settings.host,
        port=settings.port,
        login=settings.login,
        password=settings.password,
        ca_pem=settings.ca_pem,
        server_name=settings.tls_name,
        request_timeout_s=settings.answer_within_s,
    )
    pool = PoolSettings(size=settings.connections, requests_per_s=settings.requests_per_s, first_pause_s=pace.reconnect)
    return MT5Platform(endpoint, pool, settings.close_only_groups)


def _ctrader(settings: ConnectionSettings, pace: Pace) -> TradingPlatform:
    plant = settings.plant
    assert plant is not None, "Settings of this kind name a plant."
    endpoint = ManagerEndpoint(
        host=settings.host,
        port=settings.port,
        plant=plant.plant,
        environment=plant.environment,
        login=settings.login,
        password=settings.password,
        ca_pem=settings.ca_pem,
        server_name=settings.tls_name,
        request_timeout_s=settings.answer_within_s,
    )
    web = None
    if plant.web_services:
        web = WebEndpoint(
            url=plant.web_services,
            login=settings.login,
            password=settings.password,
            ca_pem=settings.ca_pem,
            server_name=settings.tls_name,
            timeout_s=settings.answer_within_s,
        )
    page = plant.copy_page
    options = Options(
        broker=plant.broker,
        write_path=plant.write_path,
        signs=plant.signs,
        subscribes=plant.subscribes,
        copy_code=(page.code_path, page.user_field, page.code_field) if page is not None else None,
    )
    link = LinkSettings(
        requests_per_s=settings.requests_per_s, in_flight=settings.connections, first_pause_s=min(1.0, pace.reconnect)
    )
    return CTraderPlatform(endpoint, web, options, link)
