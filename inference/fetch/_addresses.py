"""Which addresses are public: those of a server's own network are none of a stranger's business."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

GLOBAL_UNICAST = ip_network("2000::/3")
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 address that is meant
REFUSED = [
    ip_network(network)
    for network in (
        "192.0.0.0/24",  # IETF protocol assignments, among them the metadata service of Oracle
        "192.88.99.0/24",  # relays of 6to4
        "168.63.129.16/32",  # what Azure tells its machines; public by number only
        "2001::/23",  # Teredo, ORCHID and their kin
        "3fff::/20",  # documentation, not known to older Pythons
    )
]


def is_public(address: Address) -> bool:
    """Tell whether anybody on the internet could connect to an address.

    What embeds an IPv4 address (mapped, NAT64, 6to4) is as public as that.
    """
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return is_public(inner)
        if address.scope_id is not None or address not in GLOBAL_UNICAST:
            return False
    has_other_use = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not has_other_use and not any(address in network for network in REFUSED)


def read_address(host: str) -> Address | None:
    """Return the address that a host is written as, None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
