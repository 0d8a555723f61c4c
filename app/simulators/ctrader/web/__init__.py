"""WebServices: the broker's REST interface, over the same books."""

from app.simulators.ctrader.web.app import web_app

__all__ = ["web_app"]
