"""Messages to the sender of a letter, by what they are: a folder a kind, a file a message, all of our own making.

The first line is the envelope: `MAIL FROM:<>`, and `charset=` where the text below the header goes out in another one
than UTF-8. In the text stand for the letter: {recipient} {sender} {token} (the recipient's), {half} and {rest} (the
recipient in two pieces), {letter} {head} {quoted}; for us: {host}, and {said}, a refusal of our collector;
`{base64 CHARSET:text}` is encoded. To add a message, add a file: every test of the corpus takes it up.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
SAID = "550 5.1.1 no such recipient at this relay-test collector"

_NAME = re.compile(r"\{([a-z]+)\}")
_BASE64 = re.compile(r"\{base64 ([\w-]+):(.*?)\n\}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of the corpus."""

    kind: str  #: its folder
    name: str
    mail_from: str  #: the reverse path, "" for the null sender
    charset: str
    text: str

    def filled(
        self, *, recipient: str, sender: str, letter: bytes, host: str = "mx.c.example", said: str = SAID
    ) -> bytes:
        """The message about this letter, as it goes over the wire, without dots doubled."""
        copy = letter.decode("ascii").replace("\r\n", "\n")
        names = {
            "recipient": recipient,
            "sender": sender,
            "token": recipient.partition("@")[0],
            "half": recipient[:20],
            "rest": recipient[20:],
            "letter": copy,
            "head": copy.partition("\n\n")[0],
            "quoted": "".join(f"> {line}\n" for line in copy.split("\n")),
            "host": host,
            "said": said,
        }
        text = _NAME.sub(lambda found: names[found[1]], self.text)
        text = _BASE64.sub(lambda found: base64.encodebytes(found[2].encode(found[1])).decode("ascii").strip(), text)
        head, blank, body = text.partition("\n\n")
        return ((head + blank).encode() + body.encode(self.charset)).replace(b"\n", b"\r\n")


def _read(path: Path) -> Message:
    envelope, _, text = path.read_text("utf-8").partition("\n")
    found = re.fullmatch(r"MAIL FROM:<(.*)>(?: charset=(\S+))?", envelope)
    assert found, f"{path} does not begin with its envelope"
    return Message(kind=path.parent.name, name=path.stem, mail_from=found[1], charset=found[2] or "utf-8", text=text)


CORPUS = tuple(_read(path) for path in sorted(FOLDER.glob("*/*.msg")))
