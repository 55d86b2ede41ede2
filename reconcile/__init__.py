"""Manage the manual backups of VPS.org servers from a TOML file."""

__version__ = "0.1.0"
