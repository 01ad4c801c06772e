"""What commands and other programs ask: read only, but for one statement that makes rows due."""
