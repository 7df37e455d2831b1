"""Factors that other services check: what is said to them, without the sockets."""
