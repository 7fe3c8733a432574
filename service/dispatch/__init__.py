"""Claims studies, asks solvers, runs trials on Ray and records their epochs. The only writer of trials."""

from service.dispatch.dispatcher import Dispatcher, DispatcherStatus
from service.dispatch.settings import DispatchSettings

__all__ = ["DispatchSettings", "Dispatcher", "DispatcherStatus"]
