"""From where a host can be reached, however it is written."""

import pytest

from receiver.outbound.address import Network, network_of


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1"),
        *("0.0.0.0", "::", "::ffff:0.0.0.0"),  # noqa: S104
        *("2130706433", "0x7f000001", "0x7F.1", "0177.0.0.1", "127.1", "0"),
        *("localhost", "LocalHost", "localhost.", "receiver.localhost", "127.0.0.1."),
    ],
)
def test_a_host_on_this_machine(host):
    assert network_of(host) is Network.MACHINE
    assert network_of(host).local


@pytest.mark.parametrize(
    "host",
    [
        *("10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1"),
        *("167837955", "0xa010203", "10.66051"),
        *("169.254.169.254", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1"),
        *("192.0.2.1", "2001:db8::1", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1"),
        *("printer.local", "box.internal", "nas.home.arpa.", "simulator", "face", ""),
    ],
)
def test_a_host_on_a_private_network_or_on_none(host):
    assert network_of(host) is Network.PRIVATE
    assert network_of(host).local


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "52.219.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "134744072"]
)
def test_a_host_on_the_internet(host):
    assert network_of(host) is Network.INTERNET
    assert not network_of(host).local


@pytest.mark.parametrize(
    "host", ["receiver.example.com", "localhost.example.com", "10.0.0.1.nip.io", "local.de", "1.2.3.4.5"]
)
def test_a_name_says_nothing_by_itself(host):
    """It may lead anywhere, so nothing may be fetched or trusted for its sake."""
    assert network_of(host) is Network.UNKNOWN
    assert not network_of(host).local
