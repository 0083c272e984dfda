"""The stub server and its replies, as fixtures."""

from stub_server import forced, impatience, quick_backoff, replies, server, servers

__all__ = ["forced", "impatience", "quick_backoff", "replies", "server", "servers"]
