"""What a user would write instead of reconcile: one file, the standard library, no checks, no retries, no words.

    VPS_API_TOKEN=… python plain.py backups.toml http://127.0.0.1:8080/api/v1

It prints what it would create and delete. It knows `every` in whole days, and `keep = N`.
"""

# It is written as people write such scripts.
# ruff: noqa: A001, ANN001, ANN201, PTH123, T201
# mypy: ignore-errors

import http.client
import json
import os
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit


def listed(base_url, path):
    url = urlsplit(base_url)
    connection = http.client.HTTPConnection(url.netloc)
    headers = {"Authorization": "Bearer " + os.environ["VPS_API_TOKEN"]}
    target = url.path + path
    while target:
        connection.request("GET", target, headers=headers)
        page = json.load(connection.getresponse())
        yield from page["results"]
        target = page["next"] and page["next"].removeprefix(f"{url.scheme}://{url.netloc}")


def main(file, base_url):
    with open(file, "rb") as text:
        declared = tomllib.load(text)
    names = {server["id"]: server["name"] for server in listed(base_url, "/servers/?page_size=100")}
    held = {}
    for backup in listed(base_url, "/backups/?backup_type=manual&page_size=100"):
        if backup["status"] == "completed":
            key = backup["server"]["id"], backup["description"]
            held.setdefault(key, []).append((datetime.fromisoformat(backup["created_at"]), backup["id"]))
    now = datetime.now(UTC)
    creates = deletes = 0
    for name, server in declared["servers"].items():
        if names.get(server["id"]) != name:
            sys.exit(f"{name} is not there")
        for series in server["backups"]:
            backups = sorted(held.get((server["id"], series["description"]), []), reverse=True)
            every = timedelta(days=int(series["every"].removesuffix("d")))
            keep = series["keep"]
            if not backups or now - backups[0][0] >= every:
                print("create", name, series["description"])
                creates += 1
                keep -= 1
            for _, id in backups[keep:]:
                print("delete", name, series["description"], id)
                deletes += 1
    print(creates, "to create,", deletes, "to delete")


main(*sys.argv[1:])
