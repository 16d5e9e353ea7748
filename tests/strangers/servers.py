"""Exim, OpenSMTPD, Sendmail and Courier as Debian sets them up, closed unless the caller says otherwise.

Holds how each is configured and started in its world; returns when it greets. They know postmaster, whose mail they
throw away. Postfix, which is installed and not unpacked, is in `postfix`.
"""

from __future__ import annotations

from collections.abc import Mapping

from lab import Lab
from worlds import CACHE, Server, serve

Files = Mapping[str, str]
NO_FILES: Files = {}

#: A router that undoes percents, quotes and bangs for the local domains.
EXIM_EXPANDS = r"""
undisguise:
  driver = redirect
  domains = +local_domains
  data = ${if match{$local_part}{\N^([^%@!]+)[%@](.+)$\N}{$1@$2}\
         {${if match{$local_part}{\N^([^!]+)!(.+)$\N}{$2@$1}fail}}}
"""

#: When it tries again: whoever could not be reached once, on a busy machine, is left alone for a quarter of an hour.
_PATIENCE = "F,2h,15m; G,16h,1h,1.5; F,4d,6h"

_EXIM = """\
install -d -o Debian-exim -g Debian-exim /var/log/exim4 /var/spool/exim4 /run/exim4
update-exim4.conf
touch /var/log/exim4/mainlog
chown Debian-exim /var/log/exim4/mainlog
tail -qF /var/log/exim4/mainlog &
exec exim4 -bdf -q5s
"""


def exim(
    lab: Lab,
    host: str,
    *,
    nets: str = "",
    domains: str = "",
    macros: str = "",
    main: str = "",
    acl: str = "",
    routers: str = "",
    files: Files = NO_FILES,
) -> Server:
    """`nets` are relay networks, `domains` relay domains; `main` goes into the main part, `acl` before the rules for
    RCPT, `routers` first."""
    template = (CACHE / "exim/etc/exim4/exim4.conf.template").read_text()
    acl_part, rcpt_part, routers_part = "\nbegin acl\n", "\nacl_check_rcpt:\n", "\nbegin routers\n"
    for place, text in (
        (acl_part, main + acl_part),
        (rcpt_part, rcpt_part + acl),
        (routers_part, routers_part + routers),
    ):
        assert place in template
        template = template.replace(place, f"\n{text}", 1)
    assert _PATIENCE in template
    template = template.replace(_PATIENCE, "F,2h,1s")
    name = lab.name(host)
    settings = {
        "dc_eximconfig_configtype": "internet",
        "dc_local_interfaces": "",
        "dc_other_hostnames": name,
        "dc_relay_nets": nets,
        "dc_relay_domains": domains,
        "dc_use_split_config": "false",
    }
    own = {
        "etc/exim4/exim4.conf.template": template,
        "etc/exim4/update-exim4.conf.conf": "".join(f"{key}='{value}'\n" for key, value in settings.items()),
        "etc/exim4/exim4.conf.localmacros": f"MAIN_HARDCODE_PRIMARY_HOSTNAME = {name}\n{macros}",
        "etc/mailname": f"{name}\n",
        "etc/aliases": "postmaster: root\nroot: :blackhole:\n",
    }
    return serve(lab, host, "exim", _EXIM, own | dict(files))


_OPENSMTPD = """\
install -d -m 711 /var/spool/smtpd
install -d -m 770 -g opensmtpq /var/spool/smtpd/offline
install -d -m 700 -o opensmtpq /var/spool/smtpd/purge
exec smtpd -d
"""


def opensmtpd(lab: Lab, host: str, *lines: str) -> Server:
    """`lines` are the last ones of smtpd.conf; the first rule that matches counts."""
    name = lab.name(host)
    config = (
        "table aliases file:/etc/aliases",
        "listen on 0.0.0.0",
        'action "local" mbox alias <aliases>',
        'action "relay" relay',
        f'match from any for domain "{name}" action "local"',
        'match from local for any action "relay"',
        *lines,
    )
    own = {
        "etc/smtpd.conf": "\n".join(config) + "\n",
        "etc/mailname": f"{name}\n",
        "etc/aliases": "postmaster: root\nroot: daemon\n",
    }
    return serve(lab, host, "opensmtpd", _OPENSMTPD, own)


_SENDMAIL = """\
ln -s /usr/libexec/sendmail/sendmail /usr/sbin/sendmail-mta
install -d /var/lib/sendmail/host_status
install -d -m 2755 -o smmta -g smmsp /run/sendmail /run/sendmail/mta
chown smmta:smmsp /var/spool/mqueue
cd /etc/mail
m4 sendmail.mc >sendmail.cf
for map in access mailertable; do makemap hash $map <$map; done
sendmail-mta -bi
exec sendmail-mta -bD -q2s
"""

_SENDMAIL_AT_ONCE = (
    "define(`confTO_HOSTSTATUS', `1s')dnl",
    "define(`confQUEUE_LA', `1000')dnl",
    "define(`confREFUSE_LA', `1000')dnl",
)


def sendmail(lab: Lab, host: str, *lines: str, files: Files = NO_FILES) -> Server:
    """Debian's sendmail.mc, listening on all addresses, with these lines before the mailers. Whoever could not be
    reached once is not left alone for half an hour, and how busy the machine is does not matter."""
    name = lab.name(host)
    recipe = (CACHE / "sendmail/usr/share/sendmail/cf/debian/sendmail.mc").read_text()
    assert ", Addr=127.0.0.1" in recipe
    recipe = recipe.replace(", Addr=127.0.0.1", "")
    mailers = "MAILER_DEFINITIONS\n"
    assert mailers in recipe
    own = {
        "etc/mail/sendmail.mc": recipe.replace(
            mailers, "\n".join((f"define(`confDOMAIN_NAME', `{name}')dnl", *_SENDMAIL_AT_ONCE, *lines, mailers))
        ),
        "etc/mail/m4/dialup.m4": "",
        "etc/mail/m4/provider.m4": "",
        "etc/mail/access": "",
        "etc/mail/mailertable": "",
        "etc/mail/local-host-names": f"{name}\n",
        "etc/mail/aliases": "postmaster: root\nroot: /dev/null\n",
        "etc/hosts": f"127.0.0.1 localhost\n{lab.hosts[host][0]} {name}\n",
    }
    return serve(lab, host, "sendmail", _SENDMAIL, own | dict(files))


_COURIER = """\
cd /var/lib/courier
chown -R courier:courier allfilters filters msgq msgs track tmp
chmod 770 tmp
chown courier:courier /usr/lib/courier/courier/submitmkdir
chmod 4755 /usr/lib/courier/courier/submitmkdir
install -d -o courier -g courier /run/courier /run/courier/authdaemon
for name in makedat lockmail preline; do ln -s $name.courier /usr/bin/$name; done
mkdir -p /etc/courier/esmtppercentrelay.dir
makealiases
makesmtpaccess
makeacceptmailfor
makepercentrelay
authdaemond start
courier start
esmtpd start
exec sleep infinity
"""


def courier(lab: Lab, host: str, *, name: str = "", files: Files = NO_FILES) -> Server:
    """As it is shipped, with its trust in 10/8 and 192.168/16, but without the tarpit, which lasts for minutes, and
    without as many of patience with who could not be reached once."""
    name = name or lab.name(host)
    daemon = (CACHE / "courier/etc/courier/esmtpd").read_text()
    assert "\nTARPIT=1\n" in daemon
    own = {
        "etc/courier/esmtpd": daemon.replace("\nTARPIT=1\n", "\nTARPIT=0\n"),
        "etc/courier/me": f"{name}\n",
        "etc/courier/defaultdomain": f"{name}\n",
        "etc/courier/dsnfrom": f"MAILER-DAEMON@{name}\n",
        "etc/courier/locals": f"localhost\n{name}\n",
        "etc/courier/esmtpacceptmailfor.dir/default": f"{name}\n",
        "etc/courier/aliases/system": "postmaster: daemon\n",
        **{f"etc/courier/{name}": "1\n" for name in ("esmtpdelay", "retryalpha", "retrygamma")},
        "etc/courier/retrymaxdelta": "0\n",
    }
    return serve(lab, host, "courier", _COURIER, own | dict(files))
