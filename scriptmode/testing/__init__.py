"""What people test their scripts, serializers and loaders with."""

from __future__ import annotations

from scriptmode.testing.check import check
from scriptmode.testing.invoke import Reply, invoke

__all__ = ["Reply", "check", "invoke"]
