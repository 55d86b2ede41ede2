"""Keep the manual backups of VPS.org servers as a TOML file declares them."""

__version__ = "0.1.0"
