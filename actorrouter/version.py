"""What is installed, for all rooms: the package itself imports them."""

__version__ = "0.1.0"
