"""Clients of other libraries whose requests go through a router."""
