"""A file that holds its own SHA-256: every flipped bit is noticed, files without one are told."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.seal import BLANK, Broken, check_seal, sealed

REST = st.binary(max_size=60).filter(lambda x: not (b"nasbench" in x or b":sealed" in x))


@given(st.binary(max_size=60), REST)
def test_the_hash_is_that_of_the_file_with_zeros_in_its_place(before: bytes, after: bytes) -> None:
    blank = before + BLANK.encode() + after
    content = sealed(blank)
    digest = hashlib.sha256(blank).hexdigest().encode()
    assert content == before + BLANK.encode().replace(b"0" * 64, digest) + after
    assert check_seal(content)


def test_every_single_flipped_bit_is_noticed() -> None:
    content = sealed(b"before " + BLANK.encode() + b" after")
    for bit in range(8 * len(content)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Broken):
            check_seal(bytes(changed))


def test_what_has_no_seal_is_told() -> None:
    assert not check_seal(b"")
    assert not check_seal(b"an older file")
    for cut in (sealed(BLANK.encode())[:-1], sealed(BLANK.encode())[1:]):
        with pytest.raises(Broken):
            check_seal(cut)
