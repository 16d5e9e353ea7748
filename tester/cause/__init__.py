"""Why a relay is open, and what closes it: read from the letter that came back and from what the test has shown.

Pure. In five rooms:

    software  which program it is, by its greeting, its EHLO reply and its own trace line, as data
    reading   what a test has shown -> a named cause with its reasons, and how sure it is
    gathering the record of a test -> what it has shown
    hints     what the trace of a message that came through it looks like, before anybody has tested it
    advice    cause and software -> what to change, as data that tests apply to real servers

An explanation for the owner, never evidence: nobody is listed for a cause, and an unknown one is said to be unknown.
What strangers said comes in bounded and stays escaped.
"""

from tester.cause.advice import Advice, advice
from tester.cause.gathering import gather
from tester.cause.hints import hint
from tester.cause.reading import Cause, Explained, Sure, Symptom, Tried, explain
from tester.cause.software import Software, software

__all__ = [
    "Advice",
    "Cause",
    "Explained",
    "Software",
    "Sure",
    "Symptom",
    "Tried",
    "advice",
    "explain",
    "gather",
    "hint",
    "software",
]
