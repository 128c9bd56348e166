import asyncio
import json
from pathlib import Path

import pytest

from inference.client import RedisService
from inference.control import Reload, Verdict, announce, new_reload, reload_workers
from inference.engine import Engine
from inference.errors import BundleError, ServiceError, UnavailableError
from inference.protocol import ReactRequest
from inference.redis_link import Link, end
from inference.wire import Keys
from inference.worker import Swapper, Worker
from tests import tiny
from tests.serving import HeldEngine, firsts, linked, sample, until, working


@pytest.fixture
def other_bundle(tmp_path: Path) -> Path:
    return tiny.make_bundle(tmp_path / "other", name="other", version="2")


async def listening(link: Link, namespace: str, worker: Worker, tiny_pack: Path, data: Path) -> Swapper:
    def open_engine(reload: Reload | None) -> Engine:
        assert reload is not None
        assert reload.bundle is not None
        return Engine.open(Path(reload.bundle), [tiny_pack], data / "catalogue.sqlite")

    return Swapper(link, Keys(namespace), worker, worker._metrics, open_engine)


async def test_what_is_announced_is_served_without_a_pause(
    tiny_engine: Engine, other_bundle: Path, tiny_pack: Path, tmp_path: Path, url: str, namespace: str
) -> None:
    async with (
        working(url, namespace, tiny_engine, threads=2) as worker,
        linked(url) as link,
        RedisService(url, namespace=namespace) as service,
    ):
        swapper = await listening(link, namespace, worker, tiny_pack, tmp_path)
        task = asyncio.create_task(swapper.listen())
        bundles: list[str] = []

        async def keep_asking() -> None:
            while bundles[-20:] != ["other 2"] * 20:
                bundles.append((await service.react(ReactRequest(text="I miss you"))).bundle)

        asking = [asyncio.create_task(keep_asking()) for _ in range(4)]
        await until(lambda: bundles)
        said = [s async for s in reload_workers(url, namespace, new_reload(str(other_bundle)), 10)]
        await asyncio.wait_for(asyncio.gather(*asking), 10)
        await end([task])
        assert bundles[0] == "tiny 1"
        assert set(bundles) == {"tiny 1", "other 2"}
        verdict = said[0]
        assert isinstance(verdict, Verdict)
        assert verdict.is_done
        assert "other 2, 12 GIFs" in verdict.text
        assert said[-1] == []
        assert sample(worker, "swaps_total", outcome="done") == 1
        assert sample(worker, "errors_total", code="stage") == 0


async def test_a_broken_bundle_is_refused_and_the_old_one_serves_on(
    tiny_engine: Engine,
    other_bundle: Path,
    tiny_pack: Path,
    tmp_path: Path,
    url: str,
    namespace: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (other_bundle / "text.onnx").write_bytes(b"not a graph")
    async with (
        working(url, namespace, tiny_engine) as worker,
        linked(url) as link,
        RedisService(url, namespace=namespace) as service,
    ):
        swapper = await listening(link, namespace, worker, tiny_pack, tmp_path)
        verdict = await swapper.swap(new_reload(str(other_bundle)))
        assert not verdict.is_done
        assert "text.onnx" in verdict.text
        assert (await service.react(ReactRequest(text="boom"))).bundle == "tiny 1"
        assert sample(worker, "swaps_total", outcome="refused") == 1
    printed = capsys.readouterr()
    assert "swap refused, the old one serves on" in printed.out + printed.err


async def test_a_description_that_lies_about_its_files_is_refused(
    tiny_engine: Engine, other_bundle: Path, tiny_pack: Path, tmp_path: Path, url: str, namespace: str
) -> None:
    description = json.loads((other_bundle / "bundle.json").read_text())
    description["categories"]["names"] = description["categories"]["names"][:-1]
    (other_bundle / "bundle.json").write_text(json.dumps(description))
    async with working(url, namespace, tiny_engine) as worker, linked(url) as link:
        swapper = await listening(link, namespace, worker, tiny_pack, tmp_path)
        assert not (await swapper.swap(new_reload(str(other_bundle)))).is_done
        assert worker.engine is tiny_engine
    with pytest.raises(BundleError):
        Engine.open(other_bundle, [tiny_pack], tmp_path / "c.sqlite")


async def test_a_library_that_fails_in_its_own_way_is_refused_too(
    tiny_engine: Engine, url: str, namespace: str
) -> None:
    def explode(reload: Reload | None) -> Engine:
        raise RuntimeError("out of something")

    async with working(url, namespace, tiny_engine) as worker, linked(url) as link:
        swapper = Swapper(link, Keys(namespace), worker, worker._metrics, explode)
        verdict = await swapper.swap(new_reload())
        assert not verdict.is_done
        assert "RuntimeError at test_swap.py" in verdict.text
        assert worker.engine is tiny_engine


async def test_garbage_on_the_control_stream_is_passed_over(
    tiny_engine: Engine, other_bundle: Path, tiny_pack: Path, tmp_path: Path, url: str, namespace: str
) -> None:
    async with working(url, namespace, tiny_engine) as worker, linked(url) as link:
        swapper = await listening(link, namespace, worker, tiny_pack, tmp_path)
        task = asyncio.create_task(swapper.listen())
        await asyncio.sleep(0.05)
        keys = Keys(namespace)
        await link.run("XADD", keys.control, "*", "message", b"\xc1")
        await link.run("XADD", keys.control, "*", "message", b"\x81\xa2id\xa2\xff\xfe")
        await link.run("XADD", keys.control, "*", "other", b"x")
        await announce(link, keys, new_reload(str(other_bundle)))
        await until(lambda: worker.engine.bundle.label == "other 2")
        await end([task])


async def test_a_job_read_for_the_old_engine_is_answered_by_the_new_one(
    tiny_engine: Engine, other_bundle: Path, tiny_pack: Path, tmp_path: Path, url: str, namespace: str
) -> None:
    held = HeldEngine.over(tiny_engine)
    held.gate.clear()
    new = Engine.open(other_bundle, [tiny_pack], tmp_path / "c.sqlite")
    async with RedisService(url, namespace=namespace) as service, linked(url) as link:
        texts = ["boom", "I miss you"]
        asked = [asyncio.create_task(service.react(ReactRequest(text=text))) for text in texts]
        while await link.run("XLEN", Keys(namespace).requests) < 2:
            await asyncio.sleep(0.005)
        async with working(url, namespace, held, max_batch=1) as worker:
            await until(lambda: held.batches and sample(worker, "waiting") == 1)
            worker.swap(new)
            held.gate.set()
            replies = await asyncio.gather(*asked)
            assert [reply.bundle for reply in replies] == ["tiny 1", "other 2"]
            assert [reply.reactions[0].name for reply in replies] == ["mic drop", "hug"]
            assert await firsts(service, ["so sad"]) == ["cry"]
    assert held.batches == [["boom"]]


async def test_without_workers_or_redis_it_says_so(url: str, namespace: str) -> None:
    with pytest.raises(ServiceError, match="No worker is running"):
        await anext(reload_workers(url, namespace, new_reload(), 1))
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await anext(reload_workers("redis://127.0.0.1:1/0", namespace, new_reload(), 1))
