"""Adds what is compiled when a compiler and Cython are there: the engine of the answering path, and what reads data
files fast; pyproject.toml has the rest.
"""

from setuptools import setup

try:
    from Cython.Build import cythonize

    extensions = cythonize(["dnsbl/dns/engine/_compiled.pyx", "dnsbl/dns/sources/_swift.pyx"], quiet=True)
except Exception:  # whatever is missing: the plain engine answers then, and Python reads
    extensions = []
for extension in extensions:
    extension.optional = True  # after cythonize, which drops it

setup(ext_modules=extensions)
