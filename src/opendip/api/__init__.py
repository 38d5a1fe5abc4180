"""The participants' HTTP API: mutual TLS, signed calls, StandardResponse for every answer (E2E 4.4)."""

from opendip.api.app import create_app
from opendip.api.context import ApiContext, ApiRules
from opendip.api.server import serve_api

__all__ = ["ApiContext", "ApiRules", "create_app", "serve_api"]
