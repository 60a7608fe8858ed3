"""What the Python scripts for tests/compatibility.rs have in common; cells.mjs says how they are talked to."""

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

WRITE_KEY = os.environ["C360_WRITE_KEY"]
PATIENCE_S = 60
_PRINTING = threading.Lock()


def for_each_cell(send):
    """Runs `send(cell, tell)` for each cell of standard input, each in a thread; `tell` takes what the client says went wrong."""
    threads = [threading.Thread(target=_one, args=(json.loads(line), send)) for line in sys.stdin if line.strip()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _one(cell, send):
    told = []
    try:
        send(cell, lambda error: told.append(str(error)))
    except Exception as error:  # noqa: BLE001: whatever it is, it is what the application is told
        told.append(str(error))
    with _PRINTING:
        print(json.dumps({"account": cell["account"], "told": told}), flush=True)


def post_until_taken(url, headers, body, tell):
    """Posts as providers of webhooks do: again, ever later, until a 2xx; a Retry-After is heeded."""
    wait = 0.1
    while wait < PATIENCE_S:
        retry_after = 0.0
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers, method="POST"), timeout=PATIENCE_S):
                return
        except urllib.error.HTTPError as error:
            tell(error.code)
            retry_after = float(error.headers.get("retry-after") or 0)
        except OSError as error:
            tell(error)
        time.sleep(max(wait, retry_after))
        wait *= 2
    raise TimeoutError("it was never taken")
