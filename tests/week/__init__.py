"""A week of cron on a clock that runs a thousand times too fast: papers on loopback, the real command, and what must hold."""
