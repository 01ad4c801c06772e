"""The network: every byte that is sent and received, and which addresses may be dialled."""
