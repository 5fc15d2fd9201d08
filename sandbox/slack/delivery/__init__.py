"""How payloads reach the app: over Socket Mode, or signed to its request URL."""

from sandbox.slack.delivery.deliveries import Deliveries
from sandbox.slack.delivery.outcome import Outcome, Parcel, ParcelKind

__all__ = ["Deliveries", "Outcome", "Parcel", "ParcelKind"]
