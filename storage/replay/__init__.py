"""The archive for others to look at: packages (WACZ), and what pywb needs."""
