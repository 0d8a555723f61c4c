"""The Flask application class: which URL map a request sees depends on whose host it arrived at."""

from __future__ import annotations

from flask import Flask, Request, current_app, g, has_request_context, request
from werkzeug.routing import MapAdapter

from app.config import settings
from app.tenancy import directory
from app.tenancy.directory import Place

NOWHERE = "nowhere"  # A subdomain without a single route: every path on an unknown host is a plain 404.


class AudienceAdapter(MapAdapter):
    """An adapter whose addresses stay on the host that was asked: the audience is no part of the name."""

    def get_host(self, domain_part: str | None) -> str:
        return self.server_name


class Kontor(Flask):
    """Audiences are subdomains of the URL map, chosen by the tenant directory and not by the name of the host.

    So `url_for` gives plain paths inside an audience, a custom domain needs no rule, and no route of the office exists
    on a cabinet's host.
    """

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        if request is None:
            return None
        place = directory.find_place(request.host)
        request.environ["kontor.place"] = place
        return AudienceAdapter(
            self.url_map,
            server_name=request.host,
            script_name=request.root_path.rstrip("/") + "/",
            subdomain=place.audience if place else NOWHERE,
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode("latin-1"),
        )


def place_of_request() -> Place | None:
    """Where the running request arrived, or None on an unknown host."""
    place: Place | None = request.environ.get("kontor.place")
    return place


def audience_url(audience: str, endpoint: str, **values: object) -> str:
    """The full address of a page of another audience of the bound tenant."""
    place = place_of_request() if has_request_context() else None
    tenant = place.tenant_id if place else g.get("tenant_id")
    return address_of(int(tenant), audience, endpoint, **values)


def address_of(tenant: int, audience: str, endpoint: str, **values: object) -> str:
    """The full address of a page of a tenant, also outside a request (mail). Raises KeyError without such a host."""
    host = directory.directory().hosts[(tenant, audience)]
    scheme = request.scheme if has_request_context() else ("http" if host.endswith("localhost") else "https")
    port = f":{request.host.partition(':')[2]}" if has_request_context() and ":" in request.host else ""
    if not has_request_context():
        port = settings().public_port if host.endswith("localhost") else ""
    adapter = current_app.url_map.bind(host, subdomain=audience, url_scheme=scheme)
    return f"{scheme}://{host}{port}{adapter.build(endpoint, values)}"
