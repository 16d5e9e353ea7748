"""The ward: real mail servers that relay, each for a cause of its own, set up as owners do who believe somebody's word.

Holds who they are, how each is set up, and how its owner closes it: by advice, put into the real files. Nothing of what
we expect of the tester stands here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Protocol

import trustme
from fleet import ANYBODY, INNER, OUTER, C
from lab import Lab
from postfix import Postfix, start_postfix
from servers import EXIM_EXPANDS, courier, exim, opensmtpd, sendmail
from worlds import Server, wait_for_listener, world

from tester.cause import Advice
from tester.trial import pair_label

#: Below it each patient has a domain whose first MX is our collector and whose second is the patient.
PAIRS = "pairs.lab.test"
RUN = "ward"


class Machine(Protocol):
    """A program whose owner can change a file of it and start it again."""

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Change a file, for the next start."""
        ...

    def restart(self) -> None:
        """Start it again."""
        ...


#: By the folder of /etc that a program's files lie in: what runs there. In the order in which they are started.
Patient = dict[str, Machine]


def applied(text: str, advice: Advice) -> str:
    """A file as the advice has it."""
    for pattern in advice.remove:
        text = re.sub(rf"(?m)^(?:{pattern})\n", "", text)
    for pattern, by in advice.replace:
        text = re.sub(pattern, by, text)
    return text + "".join(f"{line}\n" for line in advice.lines)


def close(patient: Patient, advices: Iterable[Advice]) -> None:
    """Do as the advice says wherever it speaks of a program that is there, and start what was changed again."""
    changed = []
    for advice in advices:
        machine = patient.get(re.sub("^/etc/([^/.]+).*", "\\1", advice.file))
        if machine is not None:
            machine.edit(advice.file, lambda text, advice=advice: applied(text, advice))  # type: ignore[misc]
            changed.append(machine)
    assert changed, "no advice speaks of anything here"
    for machine in patient.values():
        if machine in changed:
            machine.restart()


def _postfix(lab: Lab, host: str, *, listen: str = "smtp", **settings: str) -> Patient:
    return {"postfix": start_postfix(lab, host, listen=listen, **settings)}


def _relays(permitted: str) -> dict[str, str]:
    return {"smtpd_relay_restrictions": f"{permitted}, reject_unauth_destination"}


# -- what stands in front -------------------------------------------------------------------------------------
class _Inside:
    """A Postfix on the loopback of a host that a proxy faces: it is started before the proxy, which ends with it."""

    def __init__(self, lab: Lab, host: str, front: Server, behind: Postfix) -> None:
        self._lab, self._host, self._front, self._behind = lab, host, front, behind

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        (self._front if path.startswith(("/etc/haproxy", "/etc/nginx")) else self._behind).edit(path, change)

    def restart(self) -> None:
        self._behind.restart()
        self._front.start()


def _proxied(lab: Lab, host: str, packages: str, script: str, file: str, text: str, **settings: str) -> Patient:
    behind = start_postfix(lab, host, listen="127.0.0.1:10025", **settings)
    front = Server(lab, host, packages, world(lab, host, packages, script, {file: text}), wait_for_listener)
    front.start()
    both = _Inside(lab, host, front, behind)
    return {packages: both, "postfix": both}


def _haproxy(lab: Lab, host: str, bind: str, server: str, **settings: str) -> Patient:
    lines = (
        "global",
        "    log stderr format raw local0",
        "defaults",
        "    mode tcp",
        "    log global",
        "    timeout connect 5s",
        "    timeout client 60s",
        "    timeout server 60s",
        "listen mail",
        f"    bind {lab.hosts[host][0]}:25{bind}",
        f"    server mail 127.0.0.1:10025{server}",
    )
    script = "exec haproxy -db -f /etc/haproxy/haproxy.cfg"
    return _proxied(lab, host, "haproxy", script, "etc/haproxy/haproxy.cfg", "\n".join(lines) + "\n", **settings)


def _nginx(lab: Lab, host: str) -> Patient:
    lines = (
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;",
        "daemon off;",
        "pid /run/nginx.pid;",
        "error_log stderr;",
        "events {",
        "}",
        "stream {",
        "    server {",
        f"        listen {lab.hosts[host][0]}:25;",
        "        proxy_pass 127.0.0.1:10025;",
        "    }",
        "}",
    )
    script = "exec nginx -c /etc/nginx/nginx.conf -e stderr"
    return _proxied(lab, host, "nginx", script, "etc/nginx/nginx.conf", "\n".join(lines) + "\n")


_NAT = f"""\
flush ruleset
table ip nat {{
  chain in {{
    type nat hook prerouting priority dstnat;
    iifname "eth0" tcp dport 25 dnat to {INNER};
  }}
  chain out {{
    type nat hook postrouting priority srcnat;
    masquerade
  }}
}}
"""


class _Firewall:
    """The rules of a gateway."""

    def __init__(self, lab: Lab, host: str) -> None:
        self._lab, self._host, self._rules = lab, host, _NAT

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        assert path == "/etc/nftables.conf"
        self._rules = change(self._rules)

    def restart(self) -> None:
        script = "echo 1 >/proc/sys/net/ipv4/ip_forward\nnft -f /etc/nftables.conf"
        files = {"etc/nftables.conf": self._rules}
        self._lab.run(self._host, world(self._lab, self._host, "nftables", script, files))


def _gateway(lab: Lab, host: str) -> tuple[str, _Firewall]:
    behind = f"{host}-in"
    lab.add_behind(host, OUTER, behind, INNER)
    firewall = _Firewall(lab, host)
    firewall.restart()
    return behind, firewall


def _nat(lab: Lab, host: str) -> Patient:
    """The server behind trusts the gateway, and so everybody."""
    name, (behind, _) = lab.name(host), _gateway(lab, host)
    return _postfix(lab, behind, mynetworks=f"{OUTER}/32", myhostname=name, mydestination=name)


def _nat_firewall(lab: Lab, host: str) -> Patient:
    """The same, and its owner will not touch the mail server."""
    name, (behind, firewall) = lab.name(host), _gateway(lab, host)
    start_postfix(lab, behind, mynetworks=f"{OUTER}/32", myhostname=name, mydestination=name)
    return {"nftables": firewall}


def _nat_courier(lab: Lab, host: str) -> Patient:
    """Courier as it is shipped trusts 10/8, and so everybody."""
    behind, _ = _gateway(lab, host)
    return {"courier": courier(lab, behind, name=lab.name(host))}


# -- two machines ---------------------------------------------------------------------------------------------
def _two(lab: Lab, host: str, front: str, back: str) -> Patient:
    """A machine that takes everything and hands it to another one, which trusts it; under these two names."""
    there = f"{host}-out"
    start_postfix(lab, there, mynetworks=f"{lab.hosts[host][0]}/32", myhostname=back, mydestination=back)
    return _postfix(lab, host, **ANYBODY, relayhost=f"[{lab.hosts[there][0]}]", myhostname=front, mydestination=front)


def _pair(lab: Lab, host: str) -> Patient:
    """A backup MX that passes on what is for its domain, however odd, to a hub that trusts it."""
    back, name = f"{host}-out", lab.name(host)
    start_postfix(lab, back, mynetworks=f"{lab.hosts[host][0]}/32", mydestination=name)
    return _postfix(
        lab,
        host,
        mydestination="",
        relay_domains=name,
        allow_untrusted_routing="yes",
        transport_maps=f"inline:{{ {{ {name} = smtp:[{lab.hosts[back][0]}] }} }}",
    )


# -- certificates ---------------------------------------------------------------------------------------------
def _exim_certificate(lab: Lab, host: str) -> Patient:
    """Whoever shows a certificate, whichever, may relay."""
    own = trustme.CA().issue_cert(lab.name(host))
    return {
        "exim4": exim(
            lab,
            host,
            macros="MAIN_TLS_ENABLE = yes\nMAIN_TLS_TRY_VERIFY_HOSTS = *\n",
            acl="  accept\n    condition = ${if def:tls_in_peerdn}\n",
            files={
                "etc/exim4/exim.key": own.private_key_pem.bytes().decode(),
                "etc/exim4/exim.crt": b"".join(pem.bytes() for pem in own.cert_chain_pems).decode(),
            },
        )
    }


def _postfix_certificate(lab: Lab, host: str) -> Patient:
    """Whoever shows a certificate that a trusted authority has signed may relay."""
    path = lab.folder / f"{host}.pem"
    authority = trustme.CA()
    authority.issue_cert(lab.name(host)).private_key_and_cert_chain_pem.write_to_path(path)
    authority.cert_pem.write_to_path(lab.folder / f"{host}-ca.pem")
    return _postfix(
        lab,
        host,
        smtpd_tls_security_level="may",
        smtpd_tls_ask_ccert="yes",
        smtpd_tls_chain_files=str(path),
        smtpd_tls_CAfile=str(lab.folder / f"{host}-ca.pem"),
        **_relays("permit_tls_all_clientcerts"),
    )


def _loose(lab: Lab, host: str) -> Patient:
    """A gateway, greeting in the name of the domain that it serves, that looks at the last domain only, and a hub."""
    back, name = f"{host}-out", lab.name(host)
    start_postfix(lab, back, mynetworks=f"{lab.hosts[host][0]}/32", mydestination=name)
    lines = (
        "define(`confDONT_PROBE_INTERFACES', `true')dnl",
        f"define(`confDOMAIN_NAME', `gateway.{name}')dnl",
        f"define(`confSMTP_LOGIN_MSG', `{name} Sendmail')dnl",
        f"RELAY_DOMAIN(`{name}')dnl",
        "FEATURE(`loose_relay_check')dnl",
        "FEATURE(`mailertable')dnl",
    )
    files = {
        "etc/mail/mailertable": f"{name} esmtp:[{lab.hosts[back][0]}]\n",
        "etc/mail/local-host-names": "",
        "etc/hosts": f"127.0.0.1 localhost\n{lab.hosts[host][0]} gateway.{name}\n",
    }
    return {"mail": sendmail(lab, host, *lines, files=files)}


_EVERYBODY = {"etc/courier/smtpaccess/default": "127\tallow,RELAYCLIENT\n*\tallow,RELAYCLIENT\n"}

PATIENTS: dict[str, Callable[[Lab, str], Patient]] = {
    "p-nets": lambda lab, host: _postfix(lab, host, **ANYBODY),
    "p-sender": lambda lab, host: _postfix(
        lab, host, **_relays(f"check_sender_access inline:{{ {{{lab.name(host)} = OK}} }}")
    ),
    "p-null": lambda lab, host: _postfix(lab, host, **_relays("check_sender_access inline:{ {<> = OK} }")),
    "p-literal": lambda lab, host: _postfix(
        lab, host, **_relays(f"check_helo_access inline:{{ {{[{lab.hosts[host][0]}] = OK}} }}")
    ),
    "p-helo": lambda lab, host: _postfix(lab, host, **_relays("check_helo_access inline:{ {localhost = OK} }")),
    "p-pair": _pair,
    "p-xclient": lambda lab, host: _postfix(lab, host, smtpd_authorized_xclient_hosts="0.0.0.0/0"),
    "p-mx": lambda lab, host: _postfix(lab, host, **_relays("permit_mx_backup")),
    "p-cert": _postfix_certificate,
    "p-header": lambda lab, host: _header(lab, host),
    "p-nat": _nat,
    "p-firewall": _nat_firewall,
    "p-appliance": lambda lab, host: _two(lab, host, "gate.office.test", "mail.office.test"),
    "p-customer": lambda lab, host: _two(lab, host, "office.test", "smtp.provider.test"),
    "p-haproxy": lambda lab, host: _haproxy(lab, host, "", ""),
    "p-accept": lambda lab, host: _haproxy(
        lab, host, " accept-proxy", " send-proxy", smtpd_upstream_proxy_protocol="haproxy"
    ),
    "p-nginx": _nginx,
    "e-nets": lambda lab, host: {"exim4": exim(lab, host, nets="0.0.0.0/0")},
    "e-sender": lambda lab, host: {"exim4": exim(lab, host, acl=f"  accept\n    senders = *@{lab.name(host)}\n")},
    "e-helo": lambda lab, host: {
        "exim4": exim(lab, host, acl=f"  accept\n    condition = ${{if eq{{$sender_helo_name}}{{{lab.name(host)}}}}}\n")
    },
    "e-percent": lambda lab, host: {
        "exim4": exim(lab, host, macros="CHECK_RCPT_LOCAL_LOCALPARTS =\n", routers=EXIM_EXPANDS)
    },
    "e-mx": lambda lab, host: {"exim4": exim(lab, host, domains="@mx_any")},
    "e-cert": _exim_certificate,
    "s-open": lambda lab, host: {"mail": sendmail(lab, host, "FEATURE(`promiscuous_relay')dnl")},
    "s-sender": lambda lab, host: {"mail": sendmail(lab, host, "FEATURE(`relay_local_from')dnl")},
    "s-mx": lambda lab, host: {"mail": sendmail(lab, host, "FEATURE(`relay_based_on_MX')dnl")},
    "s-loose": _loose,
    "o-open": lambda lab, host: {"smtpd": opensmtpd(lab, host, 'match from any for any action "relay"')},
    "o-sender": lambda lab, host: {
        "smtpd": opensmtpd(lab, host, f'match from mail-from regex "@{lab.name(host)}$" for any action "relay"')
    },
    "c-open": lambda lab, host: {"courier": courier(lab, host, files=_EVERYBODY)},
    "c-nat": _nat_courier,
    "c-percent": lambda lab, host: {
        "courier": courier(lab, host, files={"etc/courier/esmtppercentrelay.dir/default": f"{C}\n"})
    },
}
#: Those that stand before a second machine.
TWO_MACHINES = ("p-pair", "p-appliance", "p-customer", "s-loose")


def _header(lab: Lab, host: str) -> Patient:
    """Reads the PROXY protocol on the port that faces the world."""
    return _postfix(lab, host, listen=f"{lab.hosts[host][0]}:25", smtpd_upstream_proxy_protocol="haproxy")


def admit(lab: Lab, patients: Iterable[str] = PATIENTS) -> dict[str, Patient]:
    """Set the hosts up, the resolver, and all servers, several at the same time."""
    hosts = list(patients)
    backs = (f"{host}-out" for host in TWO_MACHINES if host in hosts)
    for number, host in enumerate((*hosts, *backs), start=20):
        lab.add_host(host, f"198.51.100.{number}")
    lab.resolver(records=[r for host in hosts for r in _pair_records(lab, host)])
    with ThreadPoolExecutor(6) as pool:
        started = {host: pool.submit(PATIENTS[host], lab, host) for host in hosts}
        return {host: patient.result() for host, patient in started.items()}


def _pair_records(lab: Lab, host: str) -> list[str]:
    name = f"{pair_label(RUN, ip_address(lab.hosts[host][0]))}.{PAIRS}."
    return [f"{name} MX 10 mx.lab.test.", f"{name} MX 20 {lab.name(host)}."]
