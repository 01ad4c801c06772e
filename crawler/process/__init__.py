"""A process of ours and its system: signals, open files, Scrapy's start, timers."""
