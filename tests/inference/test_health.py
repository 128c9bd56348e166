import pytest
from prometheus_client import CollectorRegistry, Counter

from inference.errors import ServiceError
from inference.health import health_app, serve
from tests.serving import get


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
