"""REST API `/v1` of a node: what it asks of the node (`ports`) and how it serves it."""

from node.api.access import Token
from node.api.ports import Admission, Known, NodePort, StateAt, StoredBlock
from node.api.server import ApiServer, ApiSettings

__all__ = [
    "Admission",
    "ApiServer",
    "ApiSettings",
    "Known",
    "NodePort",
    "StateAt",
    "StoredBlock",
    "Token",
]
