"""Around every handler: identity, permission, rate, handler, in this order; errors to problems.

Promise: whatever happens inside, the caller gets a reply with a stable code, the counters rise
by one, and no traceback is sent.
"""

from collections.abc import Callable, Mapping
from typing import cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from hansa.errors import HansaError, Rejected
from node.api.access import Access
from node.api.problems import STATUSES, problem_of, response_of, status_of
from node.api.routing import Route

VERSION_HEADER = "Hansa-Version"
PATH_CHARACTERS_MAX = 200
"""Of a path that is quoted in a problem."""
SECONDS_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10, 60)
"""From a read out of memory to the longest wait."""
ROUTE_KEY = "hansa_route"

_log = structlog.get_logger("node.api")


class ApiMetrics:
    """The API's own counters. Labels are bounded: routes and codes, never ids or addresses."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "hansa_api_request_duration_seconds",
            "Time from the request's head to the reply",
            ("route", "method", "status"),
            registry=self._registry,
            buckets=SECONDS_BUCKETS,
        )
        self._problems = Counter(
            "hansa_api_problems", "Refused requests", ("code",), registry=self._registry
        )
        self._refused_connections = Counter(
            "hansa_api_connections_refused",
            "Connections above the limit",
            registry=self._registry,
        )
        self._seen: dict[tuple[str, str, int], Histogram] = {}

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a reply."""
        key = (route, method, status)
        child = self._seen.get(key)
        if child is None:
            child = self._seen[key] = self._seconds.labels(route, method, str(status))
        child.observe(seconds)

    def problem(self, code: str) -> None:
        """Count a problem."""
        self._problems.labels(code).inc()

    def refused_connection(self) -> None:
        """Count a connection that was turned away."""
        self._refused_connections.inc()

    def text(self) -> bytes:
        """Prometheus' text form."""
        return generate_latest(self._registry)


def guard(
    routes: Mapping[tuple[str, str], Route],
    access: Access,
    metrics: ApiMetrics,
    version: str,
    clock: Callable[[], float],
) -> Middleware:
    """The one middleware. `routes` by (method, path); `clock` gives monotonic seconds."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        start = clock()
        resource = request.match_info.route.resource
        path = "other" if resource is None else resource.canonical
        route = routes.get((request.method, path))
        try:
            if route is not None:
                caller = access.identify(request)
                access.permit(caller, route.scope)
                access.limit(caller)
            response = await handler(request)
        except HansaError as error:
            response = _problem(error, metrics)
            if status_of(error) == STATUSES["api.fault"]:
                _log.error("api.corrupt", code=error.code, detail=error.detail)
        except web.HTTPException as error:
            response = _http_problem(request, error, metrics)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost ring: the caller gets a reply
            _log.error("api.fault", route=path, error=type(error).__name__, where=_where(error))
            response = _problem(
                Rejected("api.fault", "the node has a bug here; its log says where"), metrics
            )
        if not response.prepared:
            response.headers[VERSION_HEADER] = version
        metrics.request(path, _known_method(request.method), response.status, clock() - start)
        return response

    return cast("Middleware", guarded)


def _known_method(method: str) -> str:
    """The method as a label: callers may invent methods, labels must stay few."""
    return method if method in ("GET", "HEAD", "POST") else "other"


def _problem(error: HansaError, metrics: ApiMetrics) -> web.Response:
    metrics.problem(error.code)
    return response_of(problem_of(error))


def _http_problem(
    request: web.Request, error: web.HTTPException, metrics: ApiMetrics
) -> web.Response:
    """What aiohttp refuses by itself: unknown paths and methods, bodies that are too large."""
    path = request.path[:PATH_CHARACTERS_MAX]
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        rejected = Rejected(
            "api.method", f"{request.method[:16]} is not allowed on {path}", f"allowed: {allowed}"
        )
        response = _problem(rejected, metrics)
        response.headers["Allow"] = allowed
        return response
    if isinstance(error, web.HTTPNotFound):
        hint = "GET /v1/openapi.json lists what there is"
        return _problem(Rejected("api.not-found", f"nothing at {path}", hint), metrics)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return _problem(Rejected("api.too-large", "the body is too large"), metrics)
    return _problem(Rejected("api.http", f"{error.status} {error.reason}"), metrics)


def _where(error: BaseException) -> str:
    """File and line where it was raised: enough to find it, one line in the log."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
