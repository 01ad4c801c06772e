"""How a fetched page becomes a stored article: pure steps, and thin edges around them."""
