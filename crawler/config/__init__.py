"""newswarc.toml and the collection it stands in: read, checked, and changed byte for byte."""
