"""Whether the process that holds something still lives, here or on another machine."""

from __future__ import annotations

import os
import socket
import time

import psutil
from pydantic import BaseModel, ConfigDict, Field

SILENCE_S = 60.0
"""After so long without a heartbeat a process on another machine counts as gone."""


class LifeSign(BaseModel):
    """Who holds something, as a file beside it says; without arguments it is this process, now.

    Attributes:
        pid: of the process.
        began: when that process started, as the system counts it, for a pid may be given again.
        host: that it runs on.
        heartbeat: seconds since 1970, of the last word.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int = Field(default_factory=os.getpid)
    began: float = Field(default_factory=lambda: psutil.Process().create_time())
    host: str = Field(default_factory=socket.gethostname)
    heartbeat: float = Field(default_factory=time.time)

    def is_alive(self) -> bool:
        """Whether that very process runs; one on another machine counts as long as it is heard."""
        if self.host != socket.gethostname():
            return time.time() - self.heartbeat < SILENCE_S
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.began) < 1
            return same and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, ValueError, OverflowError):  # a pid that none can be
            return False
