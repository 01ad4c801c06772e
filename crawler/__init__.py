"""What to fetch and when; the network, and the people at the command line."""

VERSION = "0.1.0"
PRODUCT_VERSION = f"newswarc/{VERSION}"
