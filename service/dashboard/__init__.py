"""The dashboard: pages for people, rendered on the server from store rows."""

from service.dashboard.mount import mount

__all__ = ["mount"]
