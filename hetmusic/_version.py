"""The version, apart from the package's front door so that any module may import it."""

__version__ = "0.1.0"
