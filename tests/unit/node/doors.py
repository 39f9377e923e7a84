"""Helpers for tests that knock at the API's doors."""

import base64
import hashlib

MSGPACK = {"Content-Type": "application/msgpack"}
JSON = {"Content-Type": "application/json"}


def register(chain, name, member="farm", **options):
    args = {"id": name, "digest": hashlib.sha256(name.encode()).digest()}
    return chain.sign([("doc", "register", args)], member, **options)


async def get(http, path, **options):
    async with http.get(path, **options) as response:
        return response.status, await response.json(content_type=None), response.headers


async def post(http, path, body, headers):
    async with http.post(path, data=body, headers=headers) as response:
        return response.status, await response.json(content_type=None), response.headers


def b64(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
