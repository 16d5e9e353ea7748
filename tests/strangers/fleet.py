"""The strangers' fleet: real mail servers, open, closed and half open, each a host of its own in the laboratory.

Holds who they are and how each is set up, as its owner would, and nothing of what we expect of it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import trustme
from lab import Lab
from postfix import start_postfix
from servers import EXIM_EXPANDS, courier, exim, opensmtpd, sendmail
from worlds import world

C = "c.lab.test"  #: our collector domain
ANYBODY = {"mynetworks": "0.0.0.0/0"}
INNER, OUTER = "10.0.0.25", "10.0.0.26"  #: the two ends of the wire behind a gateway


def _address(lab: Lab, host: str) -> str:
    return lab.hosts[host][0]


# -- Postfix --------------------------------------------------------------------------------------------------
def _percent(name: str) -> str:
    """A smtpd_command_filter that undoes the percent hack for this domain, and lets no other form through."""
    rules = (
        f"{{/^RCPT TO:<([^@%]+)%{C}@{name}>/ RCPT TO:<$$1@{C}>}}",
        f"{{/^RCPT TO:<(postmaster|[^@%!]+@{name})>/ RCPT TO:<$$1>}}",
        "{/^RCPT TO:/ RCPT TO:<nobody@blocked.invalid>}",
    )
    return f"regexp:{{ {', '.join(rules)} }}"


def _greylisting(lab: Lab, host: str) -> None:
    """Postgrey before an open Postfix."""
    script = """\
chown postgrey:postgrey /var/lib/postgrey
exec postgrey --inet=127.0.0.1:10023 --delay=3 --hostname=here --user=postgrey --group=postgrey
"""
    lab.popen(host, f"{host}-policy", world(lab, host, "postgrey", script))
    lab.wait_for("postgrey", lambda: ":10023" in lab.run(host, ["ss", "-Hltn"]).stdout, 20, every=0.2)
    start_postfix(lab, host, **ANYBODY, smtpd_recipient_restrictions="check_policy_service inet:127.0.0.1:10023")


def _tls(lab: Lab, host: str) -> None:
    """Nothing without TLS."""
    path = lab.folder / f"{host}.pem"
    trustme.CA().issue_cert(lab.name(host)).private_key_and_cert_chain_pem.write_to_path(path)
    start_postfix(lab, host, **ANYBODY, smtpd_tls_security_level="encrypt", smtpd_tls_chain_files=str(path))


# -- two machines ---------------------------------------------------------------------------------------------
def _chain(lab: Lab, host: str) -> None:
    """An appliance that takes everything and hands it to the server behind it, which trusts the appliance."""
    start_postfix(lab, f"{host}-out", mynetworks=f"{_address(lab, host)}/32")
    start_postfix(lab, host, **ANYBODY, relayhost=f"[{_address(lab, f'{host}-out')}]")


def _pair(lab: Lab, host: str) -> None:
    """A backup MX that passes on what is for its domain, however odd, to a hub that trusts it."""
    back, name = f"{host}-out", lab.name(host)
    start_postfix(lab, back, mynetworks=f"{_address(lab, host)}/32", mydestination=name)
    start_postfix(
        lab,
        host,
        mydestination="",
        relay_domains=name,
        allow_untrusted_routing="yes",
        transport_maps=f"inline:{{ {{ {name} = smtp:[{_address(lab, back)}] }} }}",
    )


def _loose(lab: Lab, host: str) -> None:
    """A gateway, greeting in the name of the domain that it serves, that looks at the last domain only, and a hub."""
    back, name = f"{host}-out", lab.name(host)
    start_postfix(lab, back, mynetworks=f"{_address(lab, host)}/32", mydestination=name)
    sendmail(
        lab,
        host,
        "define(`confDONT_PROBE_INTERFACES', `true')dnl",
        f"define(`confDOMAIN_NAME', `gateway.{name}')dnl",
        f"define(`confSMTP_LOGIN_MSG', `{name} Sendmail')dnl",
        f"RELAY_DOMAIN(`{name}')dnl",
        "FEATURE(`loose_relay_check')dnl",
        "FEATURE(`mailertable')dnl",
        files={
            "etc/mail/mailertable": f"{name} esmtp:[{_address(lab, back)}]\n",
            "etc/mail/local-host-names": "",
            "etc/hosts": f"127.0.0.1 localhost\n{_address(lab, host)} gateway.{name}\n",
        },
    )


def _bang(lab: Lab, host: str) -> None:
    """A gateway that knows nothing of UUCP, before a hub that does and trusts it."""
    back = f"{host}-out"
    sendmail(lab, back, files={"etc/mail/access": f"Connect:{_address(lab, host)} RELAY\n"})
    sendmail(
        lab, host, "FEATURE(`nouucp', `nospecial')dnl", f"define(`LOCAL_RELAY', `smtp:[{_address(lab, back)}]')dnl"
    )


_NAT = f"""\
table ip nat {{
  chain in {{ type nat hook prerouting priority dstnat; iifname "eth0" tcp dport 25 dnat to {INNER}; }}
  chain out {{ type nat hook postrouting priority srcnat; masquerade; }}
}}
"""


def _gateway(lab: Lab, host: str) -> str:
    """A gateway that passes port 25 to the one machine behind it under its own inner address, and its mail out."""
    behind = f"{host}-in"
    lab.add_behind(host, OUTER, behind, INNER)
    script = "echo 1 >/proc/sys/net/ipv4/ip_forward\nnft -f /etc/nat.nft"
    lab.run(host, world(lab, host, "nftables", script, {"etc/nat.nft": _NAT}))
    return behind


def _nat(lab: Lab, host: str) -> None:
    """The server trusts the gateway, and so everybody."""
    name = lab.name(host)
    start_postfix(lab, _gateway(lab, host), mynetworks=f"{OUTER}/32", myhostname=name, mydestination=name)


def _nat_courier(lab: Lab, host: str) -> None:
    """Courier as it is shipped trusts 10/8, and so everybody."""
    courier(lab, _gateway(lab, host), name=lab.name(host))


# -- Exim -----------------------------------------------------------------------------------------------------
_EXIM_OURS = f"""
ours:
  driver = redirect
  domains = {C}
  allow_fail
  data =\x20"""
#: Without it, relay clients may write to unknown users as well, and such letters bounce.
_EXIM_KNOWS_ITS_USERS = """\
  deny
    domains = +local_domains
    !verify = recipient
"""

MEMBERS: dict[str, Callable[[Lab, str], object]] = {
    "postfix-open": lambda lab, host: start_postfix(lab, host, **ANYBODY),
    # as Debian ships it
    "postfix-closed": lambda lab, host: start_postfix(
        lab,
        host,
        smtpd_relay_restrictions="permit_mynetworks permit_sasl_authenticated defer_unauth_destination",
    ),
    "postfix-hard": lambda lab, host: start_postfix(lab, host),
    "postfix-sender": lambda lab, host: start_postfix(
        lab,
        host,
        smtpd_relay_restrictions=f"check_sender_access inline:{{ {{{lab.name(host)} = OK}} }}, "
        "reject_unauth_destination",
    ),
    "postfix-null": lambda lab, host: start_postfix(
        lab,
        host,
        smtpd_relay_restrictions=f"check_sender_access inline:{{ {{<> = OK}}, {{[{_address(lab, host)}] = OK}} }}, "
        "reject_unauth_destination",
    ),
    "postfix-percent": lambda lab, host: start_postfix(
        lab, host, relay_domains=C, smtpd_command_filter=_percent(lab.name(host))
    ),
    "postfix-bounce": lambda lab, host: start_postfix(
        lab,
        host,
        **ANYBODY,
        smtpd_reject_unlisted_recipient="no",
        local_transport="error:5.1.1 user unknown",  # one letter swallowed, and it would be no server that bounces
        transport_maps=f"inline:{{ {{ {C} = error:5.7.1 relaying denied }} }}",
    ),
    "postfix-lose": lambda lab, host: start_postfix(
        lab, host, **ANYBODY, transport_maps=f"inline:{{ {{ {C} = discard:silently }} }}"
    ),
    # as it is under stress
    "postfix-strict": lambda lab, host: start_postfix(
        lab, host, smtpd_hard_error_limit="1", smtpd_soft_error_limit="1", smtpd_error_sleep_time="0"
    ),
    "postfix-tls": _tls,
    "postgrey": _greylisting,
    "chain": _chain,
    "pair": _pair,
    "loose": _loose,
    "bang": _bang,
    "nat": _nat,
    "nat-courier": _nat_courier,
    "exim-open": lambda lab, host: exim(lab, host, nets="0.0.0.0/0"),
    "exim-closed": exim,
    "exim-sender": lambda lab, host: exim(lab, host, acl=f"  accept\n    senders = *@{lab.name(host)}\n"),
    # one message a connection
    "exim-single": lambda lab, host: exim(
        lab, host, main="smtp_accept_max_per_connection = 1\n", acl=f"  accept\n    senders = *@{lab.name(host)}\n"
    ),
    "exim-percent": lambda lab, host: exim(lab, host, macros="CHECK_RCPT_LOCAL_LOCALPARTS =\n", routers=EXIM_EXPANDS),
    "exim-hack": lambda lab, host: exim(lab, host, main=f"percent_hack_domains = {lab.name(host)}\n"),
    "exim-bounce": lambda lab, host: exim(lab, host, nets="0.0.0.0/0", routers=f"{_EXIM_OURS}:fail: relaying denied\n"),
    "exim-lose": lambda lab, host: exim(
        lab, host, nets="0.0.0.0/0", acl=_EXIM_KNOWS_ITS_USERS, routers=f"{_EXIM_OURS}:blackhole:\n"
    ),
    # asks our own MX whether the sender exists before it takes the recipient
    "exim-callout": lambda lab, host: exim(
        lab, host, nets="0.0.0.0/0", files={"etc/exim4/local_sender_callout": "*\n"}
    ),
    "smtpd-open": lambda lab, host: opensmtpd(lab, host, 'match from any for any action "relay"'),
    "smtpd-closed": opensmtpd,
    "smtpd-sender": lambda lab, host: opensmtpd(
        lab, host, f'match from mail-from regex "@{lab.name(host)}$" for any action "relay"'
    ),
    "smtpd-bounce": lambda lab, host: opensmtpd(
        lab,
        host,
        f'action "refused" relay host smtp://{_address(lab, "postfix-hard")}',
        'match from any for any action "refused"',
    ),
    "smtpd-lose": lambda lab, host: opensmtpd(
        lab,
        host,
        'table everybody { "@" = "daemon" }',
        'action "sink" mda "cat >/dev/null" virtual <everybody>',
        'match from any for any action "sink"',
    ),
    "sendmail-open": lambda lab, host: sendmail(lab, host, "FEATURE(`promiscuous_relay')dnl"),
    "sendmail-closed": sendmail,
    "sendmail-sender": lambda lab, host: sendmail(lab, host, "FEATURE(`relay_local_from')dnl"),
    "sendmail-access": lambda lab, host: sendmail(
        lab,
        host,
        "FEATURE(`relay_mail_from', `domain')dnl",
        files={"etc/mail/access": f"From:{lab.name(host)} RELAY\n"},
    ),
    "sendmail-bounce": lambda lab, host: sendmail(
        lab,
        host,
        "FEATURE(`promiscuous_relay')dnl",
        "FEATURE(`mailertable')dnl",
        files={"etc/mail/mailertable": f"{C} esmtp:[{_address(lab, 'postfix-hard')}]\n"},
    ),
    "sendmail-lose": lambda lab, host: sendmail(
        lab,
        host,
        "FEATURE(`promiscuous_relay')dnl",
        "FEATURE(`blocklist_recipients')dnl",
        files={"etc/mail/access": f"To:{C} DISCARD\n"},
    ),
    "courier-open": lambda lab, host: courier(
        lab, host, files={"etc/courier/smtpaccess/default": "*\tallow,RELAYCLIENT\n"}
    ),
    "courier-closed": courier,
    "courier-bounce": lambda lab, host: courier(
        lab,
        host,
        files={
            "etc/courier/smtpaccess/default": "*\tallow,RELAYCLIENT\n",
            "etc/courier/esmtproutes": f"{C}:[{_address(lab, 'postfix-hard')}]\n",
        },
    ),
    "courier-percent": lambda lab, host: courier(
        lab, host, files={"etc/courier/esmtppercentrelay.dir/default": f"{C}\n"}
    ),
}
#: The members that stand before a second machine.
TWO_MACHINES = ("chain", "pair", "loose", "bang")


def build(lab: Lab, members: tuple[str, ...] = tuple(MEMBERS)) -> None:
    """Put the fleet to sea: the hosts, the resolver, and all servers at the same time."""
    backs = (f"{host}-out" for host in TWO_MACHINES if host in members)
    for number, host in enumerate((*members, *backs), start=20):
        lab.add_host(host, f"198.51.100.{number}")
    lab.resolver()
    with ThreadPoolExecutor(4) as pool:
        for started in [pool.submit(MEMBERS[host], lab, host) for host in members]:
            started.result()
