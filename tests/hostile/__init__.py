"""The worst of the web on loopback: papers whose pages, feeds and servers are broken, by accident or on purpose.

`server` answers over raw sockets, a thread a connection; `faults` says what a fault is; `transport`, `redirects`,
`robots`, `seeds`, `pages` and `fields` are the catalogue; `stage` puts it on many hosts with healthy stories between.
Nothing here knows newswarc. Large bodies are made while they are sent.
"""
