from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from inference.bundle import load_bundle
from inference.encoders import ImageEncoder, TextEncoder
from inference.errors import BundleError, DeviceError
from inference.sessions import CUDA_PROVIDER, Device
from tests import tiny


@pytest.fixture(scope="module")
def encoder(tiny_bundle: Path) -> TextEncoder:
    return TextEncoder(load_bundle(tiny_bundle))


def anchor(category: str) -> NDArray[np.float32]:
    row: NDArray[np.float32] = tiny.anchors()[tiny.CATEGORIES.index(category)]
    return row


def test_a_message_lies_at_the_anchor_of_its_word(encoder: TextEncoder) -> None:
    vector, hold = encoder.encode(encoder.tokenise("I miss you").ids)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert vector @ anchor("hug") > 0.9
    assert hold < 0.1
    assert encoder.encode(encoder.tokenise("she died").ids)[1] > 0.9


def test_many_messages_come_back_in_order_and_as_if_alone(encoder: TextEncoder) -> None:
    texts = ["love", "that is so very funny !", "I miss you", "he died", "dance dance dance"] * 9
    ids = [encoder.tokenise(text).ids for text in texts]
    vectors, holds = encoder.encode_many(ids, batch=4)
    for row, one in enumerate(ids):
        alone, hold = encoder.encode(one)
        np.testing.assert_allclose(vectors[row], alone, atol=1e-6)
        assert holds[row] == pytest.approx(hold, abs=1e-6)


def test_no_messages_give_no_vectors(encoder: TextEncoder) -> None:
    vectors, holds = encoder.encode_many([])
    assert vectors.shape == (0, tiny.DIM)
    assert holds.shape == (0,)


@pytest.mark.parametrize("is_bound", [False, True])
def test_a_batch_is_one_padded_run(tiny_bundle: Path, is_bound: bool) -> None:
    encoder = TextEncoder(load_bundle(tiny_bundle), is_bound=is_bound)
    ids = [encoder.tokenise(text).ids for text in ("so very very funny", "hug", "she died")]
    vectors, holds = encoder.encode_batch(ids)
    assert [part.shape for part in (vectors, holds)] == [(3, tiny.DIM), (3,)]
    assert {part.dtype for part in (vectors, holds)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(vectors[1], encoder.encode(ids[1])[0], atol=1e-6)
    assert np.argmax(holds) == 2
    assert [part.shape for part in encoder.encode_batch([])] == [(0, tiny.DIM), (0,)]


def test_warming_up_leaves_answers_as_they_were(encoder: TextEncoder) -> None:
    ids = encoder.tokenise("I miss you").ids
    before, _ = encoder.encode(ids)
    encoder.warm_up()
    np.testing.assert_array_equal(encoder.encode(ids)[0], before)


def test_the_cpu_is_what_is_used_where_nothing_is_said(encoder: TextEncoder) -> None:
    assert encoder.device is Device.CPU
    assert encoder.device_label.startswith("CPU, 1 thread")


@pytest.fixture
def two_forms(tmp_path: Path) -> Path:
    """Return a bundle whose graph for a GPU is none, so that opening it cannot go unnoticed."""
    folder = tiny.make_bundle(tmp_path / "b")
    (folder / "text.fp16.onnx").write_bytes(b"no graph")
    tiny.add_variant(folder, "cuda", "text.fp16.onnx")
    return folder


@pytest.mark.skipif(CUDA_PROVIDER in ort.get_available_providers(), reason="onnxruntime-gpu is installed")
def test_a_missing_gpu_is_refused_unless_falling_back_is_allowed(two_forms: Path) -> None:
    bundle = load_bundle(two_forms)
    with pytest.raises(DeviceError, match="--device cpu"):
        TextEncoder(bundle, device=Device.CUDA)
    with pytest.raises(DeviceError, match="--device cpu"):
        ImageEncoder(bundle, device=Device.CUDA)
    encoder = TextEncoder(bundle, device=Device.CUDA, may_fall_back=True)
    assert encoder.device is Device.CPU
    assert encoder.encode(encoder.tokenise("I miss you").ids)[0] @ anchor("hug") > 0.9


def test_each_device_gets_its_form_of_the_text_graph(
    two_forms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, opened = load_bundle(two_forms), []

    def open_session(path: Path, *, threads: int, device: Device) -> None:
        opened.append((path.name, device))
        raise DeviceError("no such device")

    monkeypatch.setattr("inference.encoders.open_session", open_session)
    for device in Device:
        with pytest.raises(DeviceError):
            TextEncoder(bundle, device=device)
    assert opened == [("text.onnx", "cpu"), ("text.fp16.onnx", "cuda")]


def test_long_messages_are_cut_to_what_the_graph_takes(encoder: TextEncoder) -> None:
    tokens = encoder.tokenise("I miss you " * 10_000)
    assert len(tokens.ids) == tiny.MAX_TOKENS
    assert tokens.is_cut
    assert not encoder.tokenise("I miss you").is_cut


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\x1b", "\u200b\ufe0f"])
def test_messages_of_nothing_have_no_tokens(encoder: TextEncoder, text: str) -> None:
    assert encoder.tokenise(text).ids == []


@pytest.mark.parametrize(
    ("text", "is_foreign"),
    [
        ("i miss you", False),
        ("я скучаю по тебе", True),
        ("寂しい", True),
        ("qwz xyzzy", True),
        ("love ñ", False),
    ],
)
def test_the_share_of_unknown_script_and_words_is_known(
    encoder: TextEncoder, text: str, is_foreign: bool
) -> None:
    assert (encoder.tokenise(text).foreign > 0.5) == is_foreign


def test_gifs_of_one_colour_look_alike_and_of_another_do_not(tiny_bundle: Path, tiny_pack: Path) -> None:
    encoder = ImageEncoder(load_bundle(tiny_bundle))
    hug, also_hug, laugh = (
        encoder.encode_file(tiny_pack / "gifs" / name) for name in ("hug.gif", "hug-sad.gif", "mic_drop.gif")
    )
    assert np.linalg.norm(hug) == pytest.approx(1, abs=1e-5)
    assert hug @ also_hug > hug @ laugh


@pytest.mark.parametrize(
    ("name", "sentence"), [("text.onnx", "onnxruntime cannot open"), ("tokenizer.json", "tokenizer")]
)
def test_a_file_that_is_whole_but_no_model_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    folder = tiny.make_bundle(tmp_path / "b")
    (folder / name).write_bytes(b"something else")
    tiny.write_description(folder)
    with pytest.raises(BundleError, match=sentence):
        TextEncoder(load_bundle(folder))


def test_a_graph_without_the_named_outputs_is_refused(tmp_path: Path) -> None:
    folder = tiny.make_bundle(tmp_path / "b")
    (folder / "text.onnx").write_bytes((folder / "image.onnx").read_bytes())
    tiny.write_description(folder)
    with pytest.raises(BundleError, match="has no attention_mask, hold, input_ids"):
        TextEncoder(load_bundle(folder))


def test_a_graph_of_another_width_is_refused(tmp_path: Path) -> None:
    narrow = tiny.make_bundle(tmp_path / "b")
    axes = np.eye(len(tiny.CATEGORIES), 16, dtype=np.float32)
    np.save(narrow / "categories.npy", axes)
    tiny.write_description(narrow, embedding_dim=16)
    with pytest.raises(BundleError, match="vectors of 32 numbers instead of 16"):
        TextEncoder(load_bundle(narrow))
