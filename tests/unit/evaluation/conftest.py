"""The stub server and its replies, as fixtures."""

from stub_server import quick_backoff, replies, server

__all__ = ["quick_backoff", "replies", "server"]
