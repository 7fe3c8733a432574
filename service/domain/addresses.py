"""Which addresses of the internet are public, those that carry another one inside them too."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # where it puts the IPv4 address is each network's own choice
_COMPATIBLE = IPv6Network("::/96")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of a single host of the public internet.

    A gateway may take an IPv6 address apart and go on to the IPv4 address in it, so that must be public too.
    """
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    if address.ipv4_mapped is not None:  # nothing but another way to write it
        return is_public(address.ipv4_mapped)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_site_local
        and address not in _LOCAL_NAT64
        and all(map(is_public, _embedded(address)))
    )


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    if address in _NAT64 or address in _COMPATIBLE:
        yield IPv4Address(address.packed[-4:])
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
