"""What is known of providers is in order: names that can match, and a source for each row."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tester.received.chain import Reading, trace
from tester.received.line import hops
from tester.received.providers import FILTERS, FILTERS_SOURCE, PROVIDERS, Provider


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_a_row_can_match_and_says_where_it_is_from(provider: Provider) -> None:
    assert provider.source and provider.writers
    assert provider.senders or provider.networks or provider.remark
    for name in (*provider.senders, *provider.writers):
        assert name == name.lower() and name.startswith(".") and not name.endswith(".")


#: A line between two servers of a provider's inside: who sent, from which address, who wrote it, with which protocol.
INSIDE = """
Microsoft 365 | A.namprd09.prod.outlook.com      | 2603:10b6:404:dc::15    | B.namprd09.prod.outlook.com  | Microsoft SMTP Server
Microsoft 365 | A.eop.prod.protection.outlook.com| 2a01:111:f400:7d05::206 | B.outlook.office365.com      | Microsoft SMTP Server
Microsoft 365 | A.outlook.office365.com          | 2a01:111:f403:1::2      | B.outlook.office365.com      | Microsoft SMTP Server
Microsoft 365 | A.prod.exchangelabs.com          | 2603:10b6:5:2::1        | B.prod.exchangelabs.com      | Microsoft SMTP Server
Microsoft 365 | A.protection.gbl                 | 25.1.2.3                | B.outlook.office365.com      | Microsoft SMTP Server
Microsoft 365 | A.protection.gbl                 | 25.1.2.3                | B.protection.gbl             | Microsoft SMTP Server
Microsoft 365 | A.CHNPR01.prod.partner.outlook.cn| 2406:e500:c550:19::5    | B.CHNPR01.prod.partner.outlook.cn | Microsoft SMTP Server
Microsoft 365 | A.NAMP110.PROD.OUTLOOK.COM       | 2001:489a:200:18b::15   | B.NAMP110.PROD.OUTLOOK.COM   | Microsoft SMTP Server
Google        | anything.example                 | 2002:a05:6402:1234::1   | mx.google.com                | ESMTP
Google        | anything.example                 | 2002:a05:6402:1234::1   | 2002:a05:6402:99::           | SMTP
Yahoo         | anything.example                 | 98.139.44.96            | nm9.bullet.mail.sp2.yahoo.com| NNFMP
Yahoo         | web1.mail.bf1.yahoo.com          |                         | smtp1.mail.sp2.yahoo.com     | SMTP
Comcast       | resqmta-po-1v.sys.comcast.net    | 96.114.154.243          | resomta-po-2v.sys.comcast.net| ESMTP
Comcast       | dovdir4.email.comcast.net        | 69.252.207.9            | dovback4.email.comcast.net   | ESMTP
Comcast       | resqmta.sys.comcast.net          | 2001:558:fe21:29::7     | dovback4.email.comcast.net   | ESMTP
Comcast       | anything.example                 | 203.0.113.77            | resomta.sys.comcast.net      | comcast
Zoho          | mail.zoho.com                    |                         | mx.zohomail.com              | SMTP
Zoho          | mx.zohomail.com                  |                         | mail.zoho.com                | SMTP
Yandex        | forward4.mail.yandex.net         | 77.88.46.9              | mxback4.mail.yandex.net      | ESMTP
Yandex        | sas1.qloud-c.yandex.net          | 2a02:6b8:c0::1          | sas2.qloud-c.yandex.net      | ESMTP
Yandex        | mxfront-1.sas.yp-c.yandex.net    | 2a02:6b8:c23:294a::1    | postback17b.mail.yandex.net  | ESMTPS
Microsoft 365 | FT011.eop-usg02.itar.protection.office365.us | 2001:489a:2202:4::206 | BN2P110CA0017.office365.us | Microsoft SMTP Server
"""  # noqa: E501
LINES = [tuple(part.strip() for part in line.split("|")) for line in INSIDE.strip().splitlines()]


def read(sender: str, address: str, writer: str, protocol: str, *, helo: str = "") -> tuple[Reading, str]:
    """What a line is to the walk, and why; the sender's name was found, or is what it called itself."""
    literal = f" ({sender if helo else ''} [{address}])" if address else ""
    line = f"Received: from {helo or sender}{literal} by {writer} with {protocol} id 1\r\n"
    (step,) = trace(hops(line.encode())).steps
    return step.reading, step.why


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_hand_over_within_a_provider_is_passed_by_its_writer_its_sender_and_the_senders_address(
    line: tuple[str, ...],
) -> None:
    name, sender, address, writer, protocol = line
    assert read(sender, address, writer, protocol) == (Reading.PASSED, f"inside {name}")
    assert read(sender, address, "mx.mysite.example", protocol)[0] is not Reading.PASSED
    if protocol in ("NNFMP", "comcast"):
        return
    assert read(sender, "203.0.113.77", writer, protocol)[0] is Reading.USED
    if name != "Google":
        assert read("mx.evil.example", address, writer, protocol)[0] is not Reading.PASSED
    if address:
        assert read(sender, address, writer, protocol, helo="x")[0] is Reading.PASSED
        first = ip_address(address)
        beside = type(first)(int(first) ^ 1 << (24 if first.version == 4 else 112))
        assert read(sender, str(beside), writer, protocol)[0] is Reading.USED


def test_every_provider_has_its_lines() -> None:
    assert {line[0] for line in LINES} == {provider.name for provider in PROVIDERS if not provider.remark}


@pytest.mark.parametrize(
    ("line", "reading"),
    [
        ("from p00-icloudmta-smtpin-x by p129-mailgateway-smtp-y (mailgateway 2513B25) with SMTP id 1", Reading.PASSED),
        ("from mail.evil.example by p129-mailgateway-smtp-y (mailgateway) with SMTP id 1", Reading.SILENT),
        ("from x (mailgateway 2513B25) by mx.mysite.example with SMTP id 1", Reading.SILENT),
        ("from x ([203.0.113.9]) by mx.mysite.example (mailgateway 2513B25) with SMTP id 1", Reading.USED),
    ],
)
def test_a_provider_whose_servers_have_no_names_is_known_by_what_they_remark(line: str, reading: Reading) -> None:
    assert trace(hops(f"Received: {line}\r\n".encode())).steps[0].reading is reading


#: Who hands on, and which of the house's machines took the mail in, where that is another one.
FILTERING = """
mx123.antispamcloud.com
mx-gate1.antispameurope.com
mx-relay7.hornetsecurity.com                  | mx-gate12-hz2.antispameurope.com
outbound-ip24b.ess.barracuda.com              | mx6.us-east-2b.ess.aws.cudaops.com
d12345.ess.barracudanetworks.com
mx-inbound10-1.us-east-2a.ess.aws.cudaops.com
i-bf.email.cloudflare.net                     | cloudflare-email.net
mx1.forwardemail.net
mx-01-eu-west-1.prod.hydra.sophos.com
esa1.hc123-4.eu.iphmx.com
cust123-1.in.mailcontrol.com
m1.mailroute.net
server-1.tower.spamexperts.com
se1.us.arsmtp.com
mx-1.ctmail.com                               | mx1.expurgate.net
mx1.expurgate.net
mx.email.fireeyecloud.com
mx1.improvmx.com
delivery.antispam.mailspamprotection.com      | instance-europe-west4-4xtm.prod.antispam.mailspamprotection.com
pb-mx20.pobox.com
eforward1.registrar-servers.com
mail1.bemta25.messagelabs.com                 | server-3.bemta.az-a.eu-west-1.aws.symcld.net
server-3.bemta.az-a.eu-west-1.aws.symcld.net
us-smtp-inbound-1.mimecast.com
mx1-us1.ppe-hosted.com
mx0a-00abc001.pphosted.com                    | m0109333.ppops.net
m0109333.ppops.net
mail.simplelogin.co
inpost.tmes.trendmicro.com
"""


@pytest.mark.parametrize("line", FILTERING.strip().splitlines())
def test_a_filter_for_hire_raises_a_doubt_since_the_mail_may_have_come_in_there(line: str) -> None:
    name, _, took = (part.strip() for part in line.partition("|"))
    lines = (
        f"from {name} ({name} [198.51.100.62]) by mx.mysite.example (Postfix) with ESMTP id 1",
        f"from relay.victim.example (relay.victim.example [203.0.113.9]) by {took or name} with ESMTP id 1",
    )
    found = trace(hops("".join(f"Received: {line}\r\n" for line in lines).encode()))
    assert found.doubt == f"{name} filters or forwards mail for others"


def test_each_name_of_a_filter_is_tried() -> None:
    tried = FILTERING.split()
    assert all(any(f".{name}".endswith(each) for name in tried) for house in FILTERS for each in house)


def test_the_domains_of_a_provider_are_one_house() -> None:
    lines = (
        "from a.outbound.protection.outlook.com ([198.51.100.62]) by mx.mysite.example with ESMTP id 1",
        "from relay.victim.example (203.0.113.9) by b.outlook.office365.com (2001:db8::1) with Microsoft SMTP Server",
    )
    found = trace(hops("".join(f"Received: {line}\r\n" for line in lines).encode()))
    assert found.doubt == "Microsoft 365 may have passed the mail on"


def test_a_way_out_is_no_inside() -> None:
    out = "x.outbound.protection.outlook.com"
    assert not any(out.endswith(name) for provider in PROVIDERS for name in provider.senders)


def test_filters_are_names_with_a_source() -> None:
    names = [name for house in FILTERS for name in house]
    assert FILTERS_SOURCE and list(FILTERS) == sorted(FILTERS) and len(set(names)) == len(names)
    assert all(name.startswith(".") and name == name.lower() for name in names)
