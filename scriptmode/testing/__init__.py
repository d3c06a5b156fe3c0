"""What people test their scripts, serializers and loaders with."""

from __future__ import annotations

from scriptmode.testing.check import check
from scriptmode.testing.invoke import invoke
from scriptmode.testing.reply import Reply

__all__ = ["Reply", "check", "invoke"]
