"""The linear systems of unknown areas."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from p3m_anon.methods.unknown_area import LinearSystem, solve_system, unknown_area


def line(*values):
    """Three equal rows of a trimap."""
    return np.array([values] * 3, np.uint8)


def test_numbers_in_raster_order_and_the_matte():
    trimap = line(0, 128, 255)
    area = unknown_area(np.zeros((3, 3, 3), np.uint8), trimap)
    assert area.pixels.tolist() == [1, 4, 7]
    assert area.index.tolist() == [[-1, n, -1] for n in range(3)]
    assert area.matte(np.array([-1, 0.25, 2])).tolist() == [[0, 0, 1], [0, 0.25, 1], [0, 1, 1]]


def test_widened():
    trimap = line(0, 0, 0, 128, 255, 255)
    area = unknown_area(np.zeros((3, 6, 3), np.uint8), trimap).widened(2)
    assert area.unknown.tolist() == [[False, True, True, True, True, True]] * 3
    assert area.foreground.tolist() == (trimap == 255).tolist()


def test_a_system_without_a_solution_says_so():
    singular = csr_matrix(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    with pytest.raises(ValueError, match=r"2 equations (could not be solved|have no finite solution)"):
        solve_system(LinearSystem(singular, np.array([1.0, 1.0])), lambda _: lambda x: x)


def test_what_is_tried_again_goes_to_the_log_and_not_to_stdout(capfd, caplog):
    matrix = csr_matrix(
        np.array([[1.0, 0.999999, 0], [0.999999, 0.99999, 0], [0, 0, 1]])
    )  # not quite positive definite
    with caplog.at_level(logging.DEBUG, "p3m_anon"):
        solve_system(LinearSystem(matrix, np.array([1.0, 0.99999, 2])))
    assert "PERFORMANCE WARNING" in caplog.text
    assert capfd.readouterr().out == ""
