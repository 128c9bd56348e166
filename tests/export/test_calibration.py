import numpy as np
import pytest

from export.calibration import alarm_threshold, expected_calibration_error, fit_logistic


def test_a_fitted_probability_means_what_it_says() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0.5, 0.1, 4000)
    chances = 1 / (1 + np.exp(-(12 * scores - 5)))
    hits = rng.random(4000) < chances
    fitted = fit_logistic(scores, hits)
    assert fitted.slope == pytest.approx(12, rel=0.1)
    assert fitted.intercept == pytest.approx(-5, rel=0.15)
    assert expected_calibration_error(fitted(scores), hits) < 0.02
    assert expected_calibration_error(np.full(4000, 0.99), hits) > 0.2


def test_a_threshold_lets_the_allowed_share_of_false_alarms_through() -> None:
    played = np.arange(100) / 100
    threshold, caught = alarm_threshold([0.5, 0.96, 0.99], played, 0.05)
    assert (played > threshold).mean() <= 0.05
    assert caught == pytest.approx(2 / 3)
