"""The lines that /use gives for mail servers and filters, put into the real programs as they stand.

One list is asked, with codes that the lines name and one that they do not, which stands for an error or for whatever a
list may answer one day: only what is named is obeyed.
"""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any

import pytest
from dns_list import SITE, OurList
from lab import CLIENT, MX, RELAY, RESPONDER, Lab
from postfix import Postfix
from servers import courier, exim, opensmtpd, sendmail
from worlds import world

from dnsbl.dns.zonefile import zones_from
from dnsbl.web.trials import check, probes
from dnsbl.web.uses import recipes

ZONE = "list.test"
BASE = f"""\
origin = "{ZONE}"
ns = ["ns.{ZONE}"]
[soa]
mname = "ns.{ZONE}"
rname = "hostmaster.{ZONE}"
refresh = 3600
retry = 600
expire = 604800
minimum = 1
[kinds.manual]
code = "127.0.0.4"
txt = "manual {{address}}, see {{url}}"
[kinds.second]
code = "127.0.0.9"
txt = "second {{address}}, see {{url}}"
[kinds.doubtful]
code = "127.0.0.7"
txt = "doubtful {{address}}"
aggregate = false
%s
[[records]]
name = "ns"
type = "A"
data = "%s"
"""
TRIAL = f"trial.{ZONE}"
TRIALS = f"""\
origin = "{TRIAL}"
ns = ["ns.{ZONE}"]
trial = true
[soa]
mname = "ns.{ZONE}"
rname = "hostmaster.{ZONE}"
minimum = 1
"""
STRANGE = '[kinds.strange]\ncode = "127.0.0.99"\ntxt = "not what the lines name"\n'
ODD, WEAK, OTHER = "198.51.100.31", "198.51.100.32", "198.51.100.33"
LISTED, FREE = {RELAY: "manual", OTHER: "second"}, (CLIENT, ODD, WEAK)
SENDERS = {RELAY: "relay", CLIENT: "client", ODD: "odd", WEAK: "weak", OTHER: "other"}


@pytest.fixture(scope="module")
def told(lab: Lab) -> dict[str, str]:
    """What each program is told, by its name, while the list that they ask is served."""
    for address in (ODD, WEAK, OTHER):
        lab.add_host(SENDERS[address], address)
    for number, host in enumerate(
        ("postscreen", "exim", "sendmail", "courier", "rspamd", "spamassassin", "opensmtpd", "tried", "filter")
    ):
        lab.add_host(host, f"198.51.100.{41 + number}")
    lab.resolver(stubs={ZONE: RESPONDER})
    ours = OurList(lab, RESPONDER, zone=BASE.replace("%s", STRANGE.replace("%", "%%"), 1))
    (ours.folder / "zones" / "trial.toml").write_text(TRIALS)
    ours.serve()
    for address, kind in (*LISTED.items(), (ODD, "strange"), (WEAK, "doubtful")):
        ours.add([ip_network(address)], kind)
    ours.settled()
    [zone] = zones_from({"list": BASE % ("", RESPONDER)}, site=SITE)
    return {recipe.program: recipe.text for recipe in recipes(zone) if recipe.tried}


def assert_obeyed(lab: Lab, to: str, *, says: str = f"{SITE}/ip/", name: str = "") -> None:
    """The server refuses the listed ones, with where to read why, and nobody else."""
    for address in LISTED:
        refusal = lab.send(SENDERS[address], to=to, sender="a@client.test", recipient=f"postmaster@{name}")
        assert 500 <= refusal.code < 600 and says in refusal.text, refusal
    for address in FREE:
        reply = lab.send(SENDERS[address], to=to, sender="a@client.test", recipient=f"postmaster@{name}")
        assert reply.code < 500, (address, reply)  # Courier puts its postmaster's second mail off


def test_postfix_refuses_what_is_listed_under_the_codes_that_are_named(lab: Lab, told: dict[str, str]) -> None:
    server = Postfix(lab, "mx")
    server.start()
    server.edit("/etc/postfix/main.cf", lambda text: f"{text}{told['Postfix']}\n")
    server.restart()
    assert_obeyed(lab, MX, name="mail.test")


def test_postscreen_weighs_and_refuses(lab: Lab, told: dict[str, str]) -> None:
    more = (
        "smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n"
        "dnsblog unix - - n - 0 dnsblog\ntlsproxy unix - - n - 0 tlsproxy\n"
    )
    server = Postfix(lab, "postscreen", listen="10025", more=more, postscreen_greet_wait="2s")
    server.start()
    server.edit("/etc/postfix/main.cf", lambda text: f"{text}{told['Postfix postscreen']}\n")
    server.restart()
    lab.wait_for("postscreen", lambda: ":25 " in lab.run("postscreen", ["ss", "-Hltn"]).stdout)
    assert_obeyed(lab, lab.hosts["postscreen"][0], says=f"blocked using {ZONE}", name="postscreen.test")
    assert f"addr {WEAK} listed by domain doubtful.{ZONE} as 127.0.0.7" in lab.log("postscreen")


def test_exim_refuses_with_our_text_and_marks_what_is_only_weighed(lab: Lab, told: dict[str, str]) -> None:
    exim(lab, "exim", acl="".join(f"  {line}\n" for line in told["Exim"].splitlines()))
    assert_obeyed(lab, lab.hosts["exim"][0], name="exim.test")


def test_sendmail_refuses_with_the_page_of_the_address(lab: Lab, told: dict[str, str]) -> None:
    sendmail(lab, "sendmail", told["Sendmail"])
    assert_obeyed(lab, lab.hosts["sendmail"][0], name="sendmail.test")


def test_courier_refuses_with_where_to_read_why(lab: Lab, told: dict[str, str]) -> None:
    server = courier(lab, "courier")
    server.edit("/etc/courier/esmtpd", lambda text: f"{text}\n{told['Courier']}\n")
    server.restart()
    assert_obeyed(lab, lab.hosts["courier"][0], says=f"Listed:{SITE}", name="courier.test")


RSPAMD = "install -d /run/rspamd /var/lib/rspamd /var/log/rspamd\nexec rspamd -f -i\n"


def rspamd(lab: Lab, told: dict[str, str], host: str, **more: str) -> str:
    """Started on this host; where it listens. `more` are further files of local.d."""
    files = {f"etc/rspamd/local.d/{name}.inc": text for name, text in more.items()} | {
        "etc/rspamd/local.d/rbl.conf": told["rspamd"],
        "etc/rspamd/local.d/rbl_group.conf": told["rspamd's weights"],
        "etc/rspamd/local.d/logging.inc": 'type = "console";\n',
        "etc/rspamd/local.d/worker-normal.inc": 'bind_socket = "*:11333";\n',
        "etc/rspamd/local.d/worker-proxy.inc": "enabled = false;\n",
    }
    there = f"http://{lab.hosts[host][0]}:11333"
    lab.popen(host, f"rspamd-{host}", world(lab, host, "rspamd", RSPAMD, files))
    lab.wait_for("rspamd", lambda: lab.run("client", ["curl", "-sf", f"{there}/ping"], check=False).returncode == 0, 60)
    return there


def symbols_of(lab: Lab, there: str, address: str) -> dict[str, float]:
    """What rspamd gives a mail from this address by our list, and by those that are played."""
    mail = "From: <a@client.test>\r\nTo: <b@mail.test>\r\nSubject: hello\r\n\r\nHello.\r\n"
    asked = ["curl", "-sf", "-H", f"IP: {address}", "--data-binary", mail, f"{there}/checkv2"]
    found: dict[str, Any] = json.loads(lab.run("client", asked).stdout)["symbols"]
    return {name: one["score"] for name, one in found.items() if "LIST_TEST" in name}


def test_rspamd_gives_each_answer_its_symbol_and_an_unknown_one_no_weight(lab: Lab, told: dict[str, str]) -> None:
    there = rspamd(lab, told, "rspamd")

    def symbols(address: str) -> dict[str, float]:
        return symbols_of(lab, there, address)

    assert symbols(RELAY) == symbols(OTHER) == {"LIST_TEST": 7.0}
    assert symbols(WEAK) == {"DOUBTFUL_LIST_TEST": 2.0}
    assert symbols(ODD) == {"LIST_TEST_UNKNOWN": 0.0}
    assert symbols(CLIENT) == {}


def test_spamassassin_scores_the_last_server_outside(lab: Lab, told: dict[str, str]) -> None:
    config = told["SpamAssassin"] + "\ndns_server 192.0.2.53\ndns_available yes\n"

    def scored(address: str) -> set[str]:
        mail = (
            f"Received: from {SENDERS[address]}.test ({SENDERS[address]}.test [{address}]) by mx.test (Postfix)\r\n"
            "\twith ESMTP id 1; Thu, 26 Nov 2026 07:00:00 +0000\r\n"
            "From: <a@client.test>\r\nTo: <b@mail.test>\r\nSubject: hello\r\n"
            "Message-ID: <1@client.test>\r\n\r\nHello.\r\n"
        )
        files = {"etc/spamassassin/local.cf": config, "etc/mail-to-read": mail}
        argv = world(lab, "spamassassin", "spamassassin", "exec spamassassin -x -t </etc/mail-to-read", files)
        out = lab.run("spamassassin", argv, seconds=60).stdout
        return {word for word in out.split() if word.startswith("RCVD_IN_") and "LIST_TEST" in word}

    assert scored(RELAY) == {"RCVD_IN_LIST_TEST"}
    assert scored(WEAK) == {"RCVD_IN_DOUBTFUL_LIST_TEST"}
    assert scored(ODD) == scored(CLIENT) == set()


def test_opensmtpd_has_rspamd_look_at_each_client(lab: Lab, told: dict[str, str]) -> None:
    server = opensmtpd(lab, "opensmtpd")
    server.edit("/etc/smtpd.conf", lambda text: text.replace("listen on 0.0.0.0", told["OpenSMTPD"]))
    server.restart()
    rspamd(lab, told, "opensmtpd")
    lab.send("relay", to=lab.hosts["opensmtpd"][0], sender="a@client.test", recipient="postmaster@opensmtpd.test")
    lab.wait_for("rspamd's word", lambda: "LIST_TEST(7.00)" in lab.log("rspamd-opensmtpd"))


# -- /use/test: a line that obeys an error is caught, the one that is advised is not -----------------------------------
@pytest.fixture(scope="module")
def tried() -> dict[str, str]:
    """What each program is told to try, by its name."""
    zones = zones_from({"list": BASE % ("", RESPONDER), "trial": TRIALS}, site=SITE)
    [trial] = zones.trials
    return {probe.program: probe.text for probe in probes(trial, zones.own)}


def test_in_postfix_a_line_that_obeys_errors_is_caught_and_no_mail_is_lost(
    lab: Lab, told: dict[str, str], tried: dict[str, str]
) -> None:
    server = Postfix(lab, "tried")
    server.start()

    def said(lines: str) -> str:
        """What the log says more of a mail from nobody who is listed, which is taken."""
        before = len(lab.log("tried"))
        server.edit("/etc/postfix/main.cf", lambda text: f"{text}{lines}\n")
        server.restart()
        reply = lab.send("client", to=server.address, sender="a@client.test", recipient="postmaster@tried.test")
        assert reply.code < 400, reply
        return lab.log("tried")[before:]

    right = tried["Postfix"]
    assert f"error.{TRIAL}" in right and "reject_warning" not in said(right)
    head, _, _ = right.partition("    warn_if_reject")
    names = ("good", "empty", "refused", "error", "world")
    warned = said(head + ",\n".join(f"    warn_if_reject reject_rbl_client {name}.{TRIAL}" for name in names))
    assert [name for name in names if f"blocked using {name}.{TRIAL}" in warned] == ["error", "world"]


def test_in_rspamd_a_line_that_obeys_errors_has_points_and_the_advised_one_has_none(
    lab: Lab, told: dict[str, str], tried: dict[str, str]
) -> None:
    name = "ERROR_TRIAL_LIST_TEST"
    naive = (
        f'rbls {{ "naive" {{ rbl = "error.{TRIAL}"; checks = ["from"]; ipv4 = true; symbol = "NAIVE_LIST_TEST"; }} }}'
    )
    lines = {
        "rspamd": tried["rspamd"] + "\n" + naive,
        "rspamd's weights": 'symbols { "NAIVE_LIST_TEST" { weight = 7.0; } }',
    }
    there = rspamd(lab, lines, "filter")
    found = symbols_of(lab, there, CLIENT)
    assert found.get("NAIVE_LIST_TEST") == 7.0
    assert {
        symbol: score
        for symbol, score in found.items()
        if score and symbol not in ("NAIVE_LIST_TEST", "WORLD_LIST_TEST")
    } == {}
    assert any(symbol.startswith(name) and symbol.endswith("UNKNOWN") for symbol in found)


def test_the_script_names_what_is_out_of_order_and_nothing_else(lab: Lab, told: dict[str, str]) -> None:
    names = [ZONE, *(f"{name}.{TRIAL}" for name in ("good", "error", "world", "empty", "refused"))]
    script = check(names).replace("dig ", "dig @192.0.2.53 ")
    said = lab.run("client", ["sh", "-c", script], seconds=60).stdout
    assert [line.partition(" ")[0] for line in said.splitlines()] == names[2:]
