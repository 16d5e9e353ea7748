"""A name server on loopback with the answers that it is given, for what no zone of ours says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

#: (name, type) -> the data of its records, as text; () is a name without records of that type.
Answers = Mapping[tuple[str, str], tuple[str, ...]]


class Nameserver(asyncio.DatagramProtocol):
    """Answers by UDP. What is not named does not exist; a name whose one record is "SERVFAIL" cannot be told."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.names = {name for name, _ in answers}
        self.asked: list[tuple[str, str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        self.asked.append((name, kind))
        found = self.answers.get((name, kind), ())
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if found == ("SERVFAIL",):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.names:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        self.transport.sendto(answer.to_wire(), addr)


@contextlib.asynccontextmanager
async def serving(answers: Answers) -> AsyncIterator[tuple[Nameserver, str]]:
    """The server, and where it is as ADDRESS:PORT."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Nameserver(answers), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
