import asyncio
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter

from inference.errors import ServiceError
from inference.health import health_app, serve


async def get(port: int, path: str) -> tuple[int, str]:
    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(fetch)


async def test_it_says_how_the_process_is() -> None:
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc(3)
    wrong = {"alive": "", "ready": "The model is being loaded."}
    app = health_app(alive=lambda: wrong["alive"], ready=lambda: wrong["ready"], registry=registry)
    async with serve(app, "127.0.0.1", 0) as port:
        assert await get(port, "/healthz") == (200, "ok\n")
        assert await get(port, "/readyz") == (503, "The model is being loaded.\n")
        wrong.update(alive="Stuck.", ready="")
        assert await get(port, "/healthz") == (503, "Stuck.\n")
        assert await get(port, "/readyz") == (200, "ok\n")
        assert "things_total 3.0" in (await get(port, "/metrics"))[1]
        assert (await get(port, "/"))[0] == 404
        with pytest.raises(ServiceError, match=f"port {port} of 127.0.0.1 cannot be opened"):
            await serve(app, "127.0.0.1", port).__aenter__()
