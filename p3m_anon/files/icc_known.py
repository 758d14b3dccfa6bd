"""Colour spaces that we know by their numbers, and the nearest of them to a profile's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from p3m_anon.files.icc_build import gamma_tag, matrix_profile, parametric_tag, quantized, table_tag
from p3m_anon.files.icc_parts import POINTS, Curve, Matrix, parametric

Point = tuple[float, float]

D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
_D50_XYZ = np.array((0x0F6D6, 0x10000, 0x0D32D)) / 65536
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

_PARAMETRIC = {
    "sRGB curve": (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),  # IEC 61966-2-1
    "BT.709 curve": (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081),
    "L* curve": (3.0, 1 / 1.16, 0.16 / 1.16, 2700 / 24389, 0.08),
    "ROMM curve": (1.8, 1.0, 0.0, 1 / 16, 1 / 32),
}
_CURVE_LEVELS = 0.15  # of 255, in sRGB: a curve nearer than this is the known one
_SPACE_LEVELS = 0.6  # the same of a whole colour space; two old ways of rounding sRGB are 0.46 apart
_GRID = np.linspace(0, POINTS - 1, 17).round().astype(int)


class Shape(NamedTuple):
    """A tone curve as we write it: its name, its tag, and its light at the 256 values."""

    name: str
    tag: bytes
    light: Curve


class Space(NamedTuple):
    """A known colour space with the bytes of our own profile of it."""

    name: str
    matrix: Matrix
    shape: Shape
    profile: bytes


def primaries(red: Point, green: Point, blue: Point, white: Point) -> Matrix | None:
    """XYZ under D50 of chromaticities (x, y), adapted by Bradford; None where they span no space."""
    points = np.array([red, green, blue, white], np.float64)
    if (points[:, 1] < 1e-5).any() or np.abs(points).max() > 2:
        return None
    colours = np.stack([points[:, 0] / points[:, 1], np.ones(4), (1 - points.sum(1)) / points[:, 1]])
    if abs(np.linalg.det(colours[:, :3] * points[:3, 1])) < 1e-4:
        return None
    matrix = colours[:, :3] * np.linalg.solve(colours[:, :3], colours[:, 3])
    gain = (_BRADFORD @ _D50_XYZ) / (_BRADFORD @ colours[:, 3])
    return np.asarray(np.linalg.inv(_BRADFORD) @ (gain[:, None] * (_BRADFORD @ matrix)), np.float64)


def encoded(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """sRGB's values of linear light; below 0 mirrored."""
    size = np.abs(light)
    return np.sign(light) * np.where(size <= 0.0031308, 12.92 * size, 1.055 * size ** (1 / 2.4) - 0.055)


def shape_of(curve: Curve) -> Shape:
    """The known curve or pure power that nobody can tell from `curve`, else a table of its quantized points."""
    light = quantized(curve)
    choices = list(_known_shapes())
    if 0 < light[POINTS // 2] < 1:
        around = round(256 * math.log(light[POINTS // 2]) / math.log((POINTS // 2) / (POINTS - 1)))
        choices += [_power(step) for step in range(around - 2, around + 3) if 26 <= step <= 2560]
    near = min(choices, key=lambda shape: _levels(shape.light, light))
    return near if _levels(near.light, light) <= _CURVE_LEVELS else Shape("a curve of its own", table_tag(light), light)


def space_of(matrix: Matrix, shapes: Sequence[Shape]) -> Space | None:
    """The known space whose colours nobody can tell from these, on a grid of 17^3."""
    curves = np.stack([shape.light for shape in shapes])
    distances = [(_apart(matrix, curves, space), space) for space in known_spaces()]
    distance, space = min(distances, key=lambda pair: pair[0])
    return space if distance <= _SPACE_LEVELS else None


@cache
def known_spaces() -> tuple[Space, ...]:
    """sRGB first."""
    srgb, romm, power = _named("sRGB curve"), _named("ROMM curve"), _power
    blue = (0.15, 0.06)
    spaces = (
        ("sRGB", ((0.64, 0.33), (0.3, 0.6), blue, D65), srgb),
        ("Display P3", ((0.68, 0.32), (0.265, 0.69), blue, D65), srgb),
        ("Compatible with Adobe RGB (1998)", ((0.64, 0.33), (0.21, 0.71), blue, D65), power(563)),
        ("ROMM RGB, gamma 1.8", ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), D50), power(461)),
        ("ROMM RGB", ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), D50), romm),
        ("BT.2020", ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), D65), _named("BT.709 curve")),
    )
    return tuple(_space(name, points, shape) for name, points, shape in spaces)


def _space(name: str, points: tuple[Point, Point, Point, Point], shape: Shape) -> Space:
    matrix = primaries(*points)
    assert matrix is not None
    matrix = np.round(matrix * 65536) / 65536
    return Space(name, matrix, shape, matrix_profile(name, matrix, [shape.tag] * 3))


@cache
def _known_shapes() -> tuple[Shape, ...]:
    return tuple(_named(name) for name in _PARAMETRIC)


@cache
def _named(name: str) -> Shape:
    numbers = _PARAMETRIC[name]
    return Shape(name, parametric_tag(numbers), np.clip(parametric(numbers), 0, 1))


@cache
def _power(step: int) -> Shape:
    """A gamma of `step` 256ths."""
    return Shape(f"gamma {step / 256:.2f}", gamma_tag(step / 256), np.linspace(0, 1, POINTS) ** (step / 256))


def _levels(first: Curve, second: Curve) -> float:
    """How far two curves are apart at most, in levels of 8-bit sRGB."""
    return float(np.abs(encoded(first) - encoded(second)).max() * 255)


def _apart(matrix: Matrix, curves: npt.NDArray[np.float64], space: Space) -> float:
    """How far the colours of a profile and of a known space are apart at most, in levels of 8-bit sRGB."""
    to_srgb = np.linalg.inv(known_spaces()[0].matrix)
    grid = np.stack(np.meshgrid(_GRID, _GRID, _GRID, indexing="ij")).reshape(3, -1)
    light = np.take_along_axis(curves, grid, axis=1)
    known = encoded(to_srgb @ space.matrix @ space.shape.light[grid])
    return float(np.abs(encoded(to_srgb @ matrix @ light) - known).max() * 255)
