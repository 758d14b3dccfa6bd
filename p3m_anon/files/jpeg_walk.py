"""How far the coded data of a JPEG scan reach: its Huffman codes are followed, no coefficient is kept.

T.81 F.2 (sequential) and G.2 (progressive). Compiled by numba on first use, kept in its cache where it has one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from p3m_anon.files.compiled import compiled

_POS, _BITS, _COUNT, _DRY = range(4)  # of the reader: next byte, bits read ahead, how many, whether data ran out
MOST_GAPS = 100
BAD_CODE = 1
_Bytes = npt.NDArray[np.uint8]
_Ints = npt.NDArray[np.int64]
_Table = npt.NDArray[np.uint16]


class Scan(NamedTuple):
    """What the headers say. Arrays have one entry per component of the scan.

    start, stop: file offsets of the coded data. restart: units between restart markers, 0 for none. progressive; ss,
    se, ah, al: T.81's names. units: (rows, columns) of coding units. blocks: int64 (n, 5): blocks down and across in a
    unit, first block of the component in `known`, blocks per row there, 0. dc, ac: uint16 (n, 65536), by the next 16
    bits: code length << 8 | symbol, 0 where there is no such code.
    """

    start: int
    stop: int
    restart: int
    progressive: bool
    ss: int
    se: int
    ah: int
    units: tuple[int, int]
    blocks: npt.NDArray[np.int64]
    dc: npt.NDArray[np.uint16]
    ac: npt.NDArray[np.uint16]


def follow(data: bytes, scan: Scan, known: npt.NDArray[np.uint64]) -> tuple[list[tuple[int, int]], int | None]:
    """(start, stop) of all bytes of the scan that no code uses, and the offset where the code is broken, or None.

    known: uint64 per block of the picture, bit k for a coefficient k that is not 0; changed by progressive scans.
    """
    values = np.frombuffer(data, np.uint8)
    gaps = np.zeros((MOST_GAPS, 2), np.int64)
    status, at, count = _follow(
        *(values, scan.start, scan.stop, scan.restart, scan.progressive, scan.ss, scan.se, scan.ah),
        *(scan.units[0], scan.units[1], scan.blocks, scan.dc, scan.ac, known, gaps),
    )
    return [(int(a), int(b)) for a, b in gaps[:count]], int(at) if status == BAD_CODE else None


def lookup(counts: bytes, symbols: bytes) -> npt.NDArray[np.uint16]:
    """uint16 (65536,) of a Huffman table given by the number of codes of each length 1..16 and their symbols."""
    table = np.zeros(65536, np.uint16)
    code = at = 0
    for length in range(1, 17):
        for symbol in symbols[at : at + counts[length - 1]]:
            first = code << (16 - length)
            table[first : first + (1 << (16 - length))] = length << 8 | symbol
            code += 1
        at += counts[length - 1]
        code <<= 1
    return table


@compiled
def _fill(data: _Bytes, stop: int, r: _Ints) -> None:
    while r[_COUNT] <= 40 and r[_DRY] == 0:
        at = r[_POS]
        if at >= stop:
            r[_DRY] = 1
        elif data[at] != 255:
            r[_POS] = at + 1
            r[_BITS] = (r[_BITS] << 8) | data[at]
            r[_COUNT] += 8
        elif at + 1 < stop and data[at + 1] == 0:  # a stuffed byte
            r[_POS] = at + 2
            r[_BITS] = (r[_BITS] << 8) | 255
            r[_COUNT] += 8
        else:
            r[_DRY] = 1


@compiled
def _take(data: _Bytes, stop: int, r: _Ints, count: int) -> int:
    """The next bits as a number; -1 where the data run out."""
    if r[_COUNT] < count:
        _fill(data, stop, r)
        if r[_COUNT] < count:
            return -1
    r[_COUNT] -= count
    value = r[_BITS] >> r[_COUNT]
    r[_BITS] &= (1 << r[_COUNT]) - 1
    return value


@compiled
def _symbol(data: _Bytes, stop: int, r: _Ints, table: _Table) -> int:
    """The next symbol; -1 where the data run out, -2 where there is no such code."""
    if r[_COUNT] < 16:
        _fill(data, stop, r)
    spare = r[_COUNT] - 16
    entry = table[r[_BITS] >> spare if spare >= 0 else r[_BITS] << -spare]
    length = entry >> 8
    if length > r[_COUNT]:
        return -1
    if length == 0:
        return -1 if r[_COUNT] < 16 else -2
    r[_COUNT] -= length
    r[_BITS] &= (1 << r[_COUNT]) - 1
    return entry & 255


@compiled
def _sequential(data: _Bytes, stop: int, r: _Ints, dc: _Table, ac: _Table) -> int:
    size = _symbol(data, stop, r, dc)
    if size < 0:
        return size
    if size > 16 or _take(data, stop, r, size) < 0:
        return -1
    k = 1
    while k < 64:
        symbol = _symbol(data, stop, r, ac)
        if symbol < 0:
            return symbol
        run, size = symbol >> 4, symbol & 15
        if size == 0:
            if run != 15:
                break
            k += 16
            continue
        k += run
        if k > 63:
            return -2
        if _take(data, stop, r, size) < 0:
            return -1
        k += 1
    return 0


@compiled
def _first(  # noqa: PLR0913
    data: _Bytes,
    stop: int,
    r: _Ints,
    ac: _Table,
    ss: int,
    se: int,
    known: npt.NDArray[np.uint64],
    block: int,
    run_left: int,
) -> int:
    """First pass over a band of one block; the blocks that are still to be passed over, or below 0 as above."""
    if run_left > 0:
        return run_left - 1
    k = ss
    while k <= se:
        symbol = _symbol(data, stop, r, ac)
        if symbol < 0:
            return symbol
        run, size = symbol >> 4, symbol & 15
        if size == 0:
            if run != 15:
                more = _take(data, stop, r, run)
                return -1 if more < 0 else (1 << run) + more - 1
            k += 16
            continue
        k += run
        if k > se:
            return -2
        if _take(data, stop, r, size) < 0:
            return -1
        known[block] |= np.uint64(1) << np.uint64(k)
        k += 1
    return 0


@compiled
def _refined(  # noqa: PLR0913
    data: _Bytes,
    stop: int,
    r: _Ints,
    ac: _Table,
    ss: int,
    se: int,
    known: npt.NDArray[np.uint64],
    block: int,
    run_left: int,
) -> int:
    """A further pass over a band; coefficients that are known take one bit each."""
    k = ss
    one = np.uint64(1)
    while run_left == 0 and k <= se:
        symbol = _symbol(data, stop, r, ac)
        if symbol < 0:
            return symbol
        run, size = symbol >> 4, symbol & 15
        if size == 0 and run != 15:
            more = _take(data, stop, r, run)
            if more < 0:
                return -1
            run_left = (1 << run) + more
            break
        if size > 0 and _take(data, stop, r, 1) < 0:
            return -1
        while k <= se:
            if (known[block] >> np.uint64(k)) & one:
                if _take(data, stop, r, 1) < 0:
                    return -1
            else:
                run -= 1
                if run < 0:
                    break
            k += 1
        if size > 0:
            if k > se:
                return -2
            known[block] |= one << np.uint64(k)
        k += 1
    if run_left == 0:
        return 0
    while k <= se:
        if (known[block] >> np.uint64(k)) & one and _take(data, stop, r, 1) < 0:
            return -1
        k += 1
    return run_left - 1


@compiled
def _follow(  # noqa: PLR0913, PLR0915
    data: _Bytes,
    start: int,
    stop: int,
    restart: int,
    progressive: bool,
    ss: int,
    se: int,
    ah: int,
    rows: int,
    columns: int,
    blocks: _Ints,
    dc: _Table,
    ac: _Table,
    known: npt.NDArray[np.uint64],
    gaps: _Ints,
) -> tuple[int, int, int]:
    r = np.zeros(4, np.int64)
    r[_POS] = start
    count, run_left, units, state = 0, 0, rows * columns, 0
    for unit in range(units):
        if restart > 0 and unit > 0 and unit % restart == 0:
            at = _aligned(data, r)
            marker = at
            while marker + 1 < stop and not (data[marker] == 255 and 208 <= data[marker + 1] <= 215):
                marker += 1
            if marker + 1 >= stop:
                break
            if marker > at and count < gaps.shape[0]:
                gaps[count, 0], gaps[count, 1] = at, marker
                count += 1
            r[:] = 0
            r[_POS] = marker + 2
            run_left = state = 0
        if state < 0:
            continue  # data ran out before the next restart marker
        row, column = unit // columns, unit % columns
        for c in range(blocks.shape[0]):
            for y in range(blocks[c, 0]):
                for x in range(blocks[c, 1]):
                    if state < 0:
                        continue
                    block = blocks[c, 2] + (row * blocks[c, 0] + y) * blocks[c, 3] + column * blocks[c, 1] + x
                    if not progressive:
                        state = _sequential(data, stop, r, dc[c], ac[c])
                    elif ss == 0 and ah > 0:
                        state = min(_take(data, stop, r, 1), 0)
                    elif ss == 0:
                        size = _symbol(data, stop, r, dc[c])
                        state = size if size < 0 else min(_take(data, stop, r, size), 0)
                    elif ah == 0:
                        run_left = _first(data, stop, r, ac[c], ss, se, known, block, run_left)
                        state = min(run_left, 0)
                    else:
                        run_left = _refined(data, stop, r, ac[c], ss, se, known, block, run_left)
                        state = min(run_left, 0)
        if state == -2:
            return 1, _aligned(data, r), count
        if state == -1 and restart == 0:
            break
    at = _aligned(data, r)
    if at < stop and count < gaps.shape[0]:
        gaps[count, 0], gaps[count, 1] = at, stop
        count += 1
    return 0, at, count


@compiled
def _aligned(data: _Bytes, r: _Ints) -> int:
    """The file offset behind the last byte of which a bit was used."""
    at = r[_POS]
    for _ in range(r[_COUNT] // 8):
        at -= 1
        if data[at] == 0 and at > 0 and data[at - 1] == 255:
            at -= 1
    return at
