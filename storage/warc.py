"""WARC files: the door to writing them, reading them and recovering them."""

from storage.warc_fields import context_of, interim_of
from storage.warc_file import ClosedFile
from storage.warc_read import Damage, Record, faults, read_record, scan
from storage.warc_recover import Recovered, captures, recover, recover_folder
from storage.warc_write import WarcWriter

__all__ = [
    "ClosedFile",
    "Damage",
    "Record",
    "Recovered",
    "WarcWriter",
    "captures",
    "context_of",
    "faults",
    "interim_of",
    "read_record",
    "recover",
    "recover_folder",
    "scan",
]
