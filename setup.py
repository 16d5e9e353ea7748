"""Adds the compiled engine of the answering path when a compiler and Cython are there; pyproject.toml has the rest."""

from setuptools import setup

try:
    from Cython.Build import cythonize

    extensions = cythonize("dnsbl/dns/engine/_compiled.pyx", quiet=True)
except Exception:  # whatever is missing: the plain engine answers then
    extensions = []
for extension in extensions:
    extension.optional = True  # after cythonize, which drops it

setup(ext_modules=extensions)
