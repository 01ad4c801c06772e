"""Memory of a process and of all its descendants, by the kernel's own count of the peak (VmHWM)."""

from __future__ import annotations

import re
import threading
from pathlib import Path

_FIELDS = re.compile(r"^(PPid|VmHWM):\s+(\d+)", re.MULTILINE)


class Watch:
    """Looks at /proc ten times a second until `stop`; peaks in bytes, by process id."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peaks: dict[int, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The last look."""
        self._stopping.set()
        self._thread.join()

    @property
    def main(self) -> int:
        """Of the process itself."""
        return self.peaks.get(self.pid, 0)

    @property
    def largest_worker(self) -> int:
        """Of its largest descendant."""
        return max((peak for pid, peak in self.peaks.items() if pid != self.pid), default=0)

    def _run(self) -> None:
        while not self._stopping.wait(0.1):
            family = {self.pid}
            seen = _processes()
            for pid in sorted(seen):  # a parent has the smaller number, mostly; the rest is seen at the next look
                parent, peak = seen[pid]
                if pid in family or parent in family or pid in self.peaks:
                    family.add(pid)
                    self.peaks[pid] = max(peak, self.peaks.get(pid, 0))


def _processes() -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = dict(_FIELDS.findall((folder / "status").read_text()))
            except OSError:
                continue  # it has ended
            found[int(folder.name)] = (int(fields.get("PPid", 0)), int(fields.get("VmHWM", 0)) * 1024)
    return found
