"""The spiders. One of ours crawls every site that newswarc.toml can describe; others can stand beside it."""
