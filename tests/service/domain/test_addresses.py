"""No way of writing a private address makes it a public one."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.addresses import is_public

PRIVATE = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
]


def within(prefix: str, low_bits: int = 0) -> Callable[[IPv4Address], IPv6Address]:
    return lambda inner: IPv6Address(int(IPv6Address(prefix)) | int(inner) << low_bits)


def teredo(inner: IPv4Address) -> IPv6Address:
    return IPv6Address(int(IPv6Address("2001:0:808:808::")) | int(inner) ^ 0xFFFFFFFF)


EMBEDDINGS = {
    "mapped": within("::ffff:0:0"),
    "compatible": within("::"),
    "nat64": within("64:ff9b::"),
    "local nat64": within("64:ff9b:1::"),
    "6to4": within("2002::1", 80),
    "teredo client": teredo,
    "teredo server": within("2001:0::f7f7:f7f7", 64),
}


@pytest.mark.parametrize("embedding", EMBEDDINGS)
@given(inner=st.one_of([st.ip_addresses(v=4, network=network) for network in PRIVATE]))
def test_a_private_address_stays_one_inside_another(embedding: str, inner: IPv4Address) -> None:
    assert not is_public(inner)
    assert not is_public(EMBEDDINGS[embedding](inner))


@pytest.mark.parametrize("embedding", ["mapped", "nat64", "6to4"])
def test_a_public_address_stays_one_inside_another(embedding: str) -> None:
    assert is_public(EMBEDDINGS[embedding](IPv4Address("8.8.8.8")))


@pytest.mark.parametrize(
    "address", ["::", "::1", "fe80::1", "fc00::1", "fec0::1", "feff::1", "ff0e::1", "2001:db8::1"]
)
def test_what_is_private_in_itself(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_what_is_public_in_itself(address: str) -> None:
    assert is_public(ip_address(address))
