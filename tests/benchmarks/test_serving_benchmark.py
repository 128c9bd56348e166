"""The load is sent as said, and figures are read rightly; nothing is installed here."""

import asyncio
import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks import serving
from benchmarks._serving_clients import HttpClient, ScriptDialect, ScriptTarget, content_length
from benchmarks._serving_load import LoadPlan, LoadResult, cpu_seconds, run, shuffled
from benchmarks._timing import spread


def result(answers: int, seconds: float = 2.0) -> LoadResult:
    return LoadResult(
        seconds=seconds,
        latencies_ms=[float(n) for n in range(1, answers + 1)],
        failures=0,
        error="",
        server_cpu_s=1.0,
        load_cpu_s=0.5,
        late_ms=[1.0],
    )


def test_people_arrive_at_random_at_the_rate_asked_for() -> None:
    times = serving.poisson(200.0, 50.0)
    assert times == sorted(times)
    assert 9_500 < len(times) < 10_500
    assert times[-1] < 50.0
    gaps = np.diff(times)
    assert np.std(gaps) == pytest.approx(np.mean(gaps), rel=0.05)  # as of an exponential distribution
    assert times == serving.poisson(200.0, 50.0)
    assert times != serving.poisson(200.0, 50.0, seed=1)


def test_everybody_sends_the_same_messages_in_the_same_order() -> None:
    texts = [str(n) for n in range(20)]
    first, again, other = (list(itertools.islice(shuffled(texts, seed), 40)) for seed in (0, 0, 1))
    assert first == again != other
    assert sorted(first[:20]) == sorted(first[20:]) == sorted(texts)
    assert first[:20] != first[20:]


def test_a_result_is_shortened_to_figures() -> None:
    row = serving.summary(result(100))
    assert row["per_second"] == 50.0
    assert row["p50_ms"] == 50.5
    assert row["server_cpu_s_per_1000"] == 10.0
    assert row["load_cpu_share"] == 0.25


def test_a_peer_counts_in_its_best_form_and_ours_without_kept_results() -> None:
    results = {
        serving.OURS: [result(100), result(300), result(300)],
        serving.KEPT: [result(9_000)],
        f"{serving.INFINITY} int8": [result(100)],
        f"{serving.INFINITY} fp32": [result(50)],
        f"{serving.SCRIPT}, 1 thread each": [result(30)],
    }
    spreads = {
        serving.THROUGH_REDIS: spread([3.0]),
        serving.IN_PROCESS: spread([2.0]),
        serving.HALF: spread([1.0] * 99 + [10.0]),
    }
    verdicts = {verdict.what: verdict for verdict in serving.judge(results, spreads, result(50))}
    assert verdicts["answers/s over the best infinity"].value == 3.0
    assert verdicts["answers/s over the best script"].value == 10.0
    assert verdicts["p50 that Redis adds, one client"].value == 1.0
    assert verdicts["p99 over p50 at half the load"].is_met is True


def test_without_peers_nothing_is_compared_with_them() -> None:
    spreads = dict.fromkeys((serving.THROUGH_REDIS, serving.IN_PROCESS, serving.HALF), spread([1.0]))
    verdicts = serving.judge({serving.OURS: [result(10)]}, spreads, result(5))
    assert not any("best" in verdict.what for verdict in verdicts)


def test_the_length_of_an_answer_is_found_in_its_head() -> None:
    assert content_length(b"HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length: 12\r\n\r\n") == 12
    with pytest.raises(ValueError, match="without a content-length"):
        content_length(b"HTTP/1.1 200 OK\r\n\r\n")


def test_the_processor_time_of_a_session_is_that_of_its_processes() -> None:
    import os

    mine = cpu_seconds([os.getsid(0)])
    assert mine > 0
    assert cpu_seconds([]) == 0


REACTIONS = b'{"reactions": [{"id": 1}, {"id": 2}, {"id": 3}]}'
RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(REACTIONS), REACTIONS)
WRONG = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
NOTHING = b""


async def served(answers: Iterator[bytes]) -> asyncio.Server:
    """Start a server that gives these answers in turn; with nothing to say it hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while content := content_length(await reader.readuntil(b"\r\n\r\n")):
                await reader.readexactly(content)
                if not (reply := next(answers)):
                    return
                writer.write(reply)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def test_a_client_that_was_hung_up_on_asks_on_over_a_new_connection() -> None:
    async def ask_twice() -> bool:
        async with await served(iter([NOTHING, RIGHT])) as server:
            client = HttpClient(port_of(server), ScriptDialect())
            with pytest.raises(EOFError):
                await client.ask("a")
            is_right = await client.ask("b")
            await client.close()
            return is_right

    assert asyncio.run(ask_twice())


def test_load_goes_on_after_a_failure_and_counts_it() -> None:
    async def load() -> LoadResult:
        async with await served(itertools.chain([NOTHING, WRONG], itertools.repeat(RIGHT))) as server:
            target = ScriptTarget(port_of(server))
            return await run(LoadPlan(target=target, texts=["a", "b"], clients=2, warm_up_s=0, seconds=0.3))

    found = asyncio.run(load())
    assert found.failures == 2
    assert found.latencies_ms
