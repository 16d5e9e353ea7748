"""What is known of large mail providers: how mail moves inside them, and who filters mail for others. Data only.

A mailbox at a provider has Received lines about the provider's inside, often between public addresses. Such a line is
passed when all of it is the provider's: the server that wrote it, the sender's name, and the sender's address (which
nobody can forge). A provider's way out to others is no inside and stands nowhere here: who hands mail to a mailbox at
Microsoft from another customer's Microsoft is that customer's way out.

Names that begin with a dot mean every name under them. Each row says where it is from.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """One provider's inside."""

    name: str
    writers: tuple[str, ...]  #: names of its servers, in "by", where an address of `networks` will do as well
    senders: tuple[str, ...]  #: names of its inner senders, in "from"; none: the address alone tells
    networks: tuple[IPv4Network | IPv6Network, ...] = ()  #: addresses of its inner senders
    protocols: tuple[str, ...] = ()  #: what it calls its inner hand-overs, in "with"
    #: What its inner servers remark, as a pattern, where they have no names in DNS and write no address.
    remark: str = ""
    source: str


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


PROVIDERS: tuple[Provider, ...] = (
    Provider(
        name="Microsoft 365",
        writers=(
            ".outlook.com",
            ".outlook.office365.com",
            ".protection.gbl",
            ".exchangelabs.com",
            ".partner.outlook.cn",
            ".office365.us",
        ),
        senders=(
            ".prod.outlook.com",
            ".prod.protection.outlook.com",
            ".outlook.office365.com",
            ".prod.exchangelabs.com",
            ".prod.partner.outlook.cn",
            ".protection.gbl",
            ".itar.protection.office365.us",
        ),
        networks=_networks(
            "2603:1000::/24",
            "2a01:111:f400::/48",
            "2a01:111:f403::/48",
            "25.0.0.0/8",
            "2001:489a:200::/48",
            "2001:489a:2202::/48",
            "2406:e500:c000::/34",
        ),
        source="learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges (2603:10x6::, "
        "2a01:111:f40x::); github.com/MicrosoftDocs/microsoft-365-docs issue 5695 (2603:10c6::, never a way out); "
        "emailquestions.com thread 10769 (25.0.0.0/8 inside, not routed); Received lines in archives of lists, 2022 to "
        "2026 (2001:489a:200:: and, of itar.protection.office365.us, 2001:489a:2202::, the government's cloud; "
        "2406:e500:c3xx:: and c5xx::, 21Vianet's)",
    ),
    Provider(
        name="Google",
        writers=(".google.com",),
        senders=(),
        networks=_networks("2002:a00::/24"),
        source="ashish.blog/2018/05/gmail-using-6to4 and the IETF list v6ops, wkvXhL8Z_Jy9fFFki_T2VnFi958: the inside "
        "writes 10.0.0.0/8 as 6to4 (RFC 3056), mostly in lines without a sender",
    ),
    Provider(
        name="Apple iCloud",
        writers=(".icloud.com", ".me.com"),
        senders=(),
        remark=r"mailgateway \d{4}[A-Z]\d{1,4}",
        source="Received lines in mails to me.com and icloud.com that are shown in public repositories, 2023 to 2026 "
        '("from p00-icloudmta-smtpin-... by p129-mailgateway-smtp-... (mailgateway 2513B25) with SMTP")',
    ),
    Provider(
        name="Yahoo",
        writers=(".yahoo.com",),
        senders=(".yahoo.com",),
        protocols=("NNFMP",),
        source="Received lines in archives of git@vger.kernel.org, 2008 to 2016 (bullet.mail.*.yahoo.com with NNFMP)",
    ),
    Provider(
        name="Comcast",
        writers=(".sys.comcast.net", ".email.comcast.net"),
        senders=(".sys.comcast.net", ".email.comcast.net"),
        networks=_networks("69.252.207.0/24", "96.114.154.0/24", "2001:558:fe21:29::/64"),
        protocols=("comcast",),
        source="Received lines in archives of linux-mips@linux-mips.org, 2015 to 2017 (resomta, resqmta), and in "
        "github.com/mailgun/documentation, inbox placement sample (resimta, dovpxy, dovdir, dovback)",
    ),
    Provider(
        name="Zoho",
        writers=(".zohomail.com", ".zoho.com"),
        senders=(".zoho.com", ".zohomail.com"),
        source="Received lines in archives of git@vger.kernel.org, 2022 to 2025 (mail.zoho.com by mx.zohomail.com)",
    ),
    Provider(
        name="Yandex",
        writers=(".mail.yandex.net", ".qloud-c.yandex.net", ".yp-c.yandex.net"),
        senders=(".mail.yandex.net", ".qloud-c.yandex.net", ".yp-c.yandex.net"),
        networks=_networks("77.88.46.0/24", "2a02:6b8::/32"),
        source="Received lines in archives of qemu-devel@nongnu.org, 2019 and 2020, and in a parser's test of 2011 "
        "(forward4.mail.yandex.net at 77.88.46.9 by mxback4), and in mails of 2026 to a mailbox there "
        "(mxfront-...-90.sas.yp-c.yandex.net by postback17b.mail.yandex.net); 2a02:6b8::/32 is YANDEX-NET in RIPE's "
        "database",
    ),
)

#: Hosts that filter mail for their customers' own servers, or forward it for their domains: what they hand on may have
#: come in there for the reporter. A row is one house: its machines may take mail in under one domain, and hand it on
#: under another.
#: A name alone settles nothing, since the same hosts send for their customers too.
FILTERS: tuple[tuple[str, ...], ...] = (
    (".antispamcloud.com", ".spamexperts.com"),
    (".antispameurope.com", ".hornetsecurity.com"),
    (".arsmtp.com",),
    (".barracuda.com", ".barracudanetworks.com", ".cudaops.com"),
    (".cloudflare-email.net", ".email.cloudflare.net"),
    (".ctmail.com", ".expurgate.net"),
    (".fireeyecloud.com",),
    (".forwardemail.net",),
    (".hydra.sophos.com",),
    (".improvmx.com",),
    (".iphmx.com",),
    (".mailcontrol.com",),
    (".mailroute.net",),
    (".mailspamprotection.com",),
    (".messagelabs.com", ".symcld.net"),
    (".mimecast.com",),
    (".pobox.com",),
    (".ppe-hosted.com", ".pphosted.com", ".ppops.net"),
    (".registrar-servers.com",),
    (".simplelogin.co",),
    (".trendmicro.com",),
)
#: Where the names are from.
FILTERS_SOURCE = (
    "github.com/jace/mxsniff (mxsniffer/providers.py: MX names by provider); help.forcepoint.com/emailsec (mailcontrol)"
    "; Received lines in archives of lists, 2017 to 2026 (cudaops.com, handed on by ess.barracuda.com; "
    "inpost.tmes.trendmicro.com; symcld.net, handed on by messagelabs.com; ppops.net, handed on by pphosted.com; "
    "cloudflare-email.net; improvmx.com; mailspamprotection.com); what Cloudflare's, Forward Email's and SimpleLogin's "
    "documentation says of their hosts"
)

#: The domains of each house that is known: where one of its machines wrote the line below, another one has handed the
#: mail on.
HOUSES: tuple[tuple[str, ...], ...] = (*FILTERS, *(each.writers for each in PROVIDERS))
