"""Lets the tests in the folders below import `offline`, which stands beside this file."""
