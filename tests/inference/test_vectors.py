import numpy as np

from inference.pack import PackGif
from inference.vectors import describe, mix_categories, unit


def test_each_vector_is_scaled_alone_and_nothing_stays_nothing() -> None:
    scaled = unit(np.array([[3.0, 4.0], [0.0, -2.0], [0.0, 0.0]]))
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, np.array([[0.6, 0.8], [0, -1], [0, 0]], dtype=np.float32))


def test_the_first_category_counts_most_and_a_fourth_not_at_all() -> None:
    anchors = np.eye(5, dtype=np.float32)
    mixed = mix_categories(anchors, [3, 0, 4, 1])
    np.testing.assert_allclose(mixed / mixed[3], [0.5, 0, 0, 1, 0.35], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(mixed), 1, atol=1e-6)
    assert not mix_categories(anchors, []).any()


def test_a_gif_is_described_by_its_name_and_tags() -> None:
    gif = PackGif(
        id="a" * 64,
        file="hug.gif",
        name="Hug",
        categories=["hug"],
        tags=["love", "arms"],
        alt_text="A hug.",
        licence="CC0-1.0",
    )
    assert describe(gif) == "Hug, love, arms"
