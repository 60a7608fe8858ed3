"""The cells of PyPI's `cloudevents`: one event structured, the next one binary; see cells.mjs."""

from cells import WRITE_KEY, for_each_cell, post_until_taken
from cloudevents.v1.conversion import to_binary, to_structured
from cloudevents.v1.http import CloudEvent

MODES = [to_structured, to_binary]


def send(cell, tell):
    for n, event_id in enumerate(cell["ids"]):
        attributes = {"id": event_id, "source": "/app", "type": "Report Viewed", "accountid": cell["account"], "userid": "u1", "datacontenttype": "application/json"}
        headers, body = MODES[n % len(MODES)](CloudEvent(attributes, {"n": n}))
        post_until_taken(f"{cell['host']}/v1/cloudevents/app", {**headers, "authorization": f"Bearer {WRITE_KEY}"}, body, tell)


for_each_cell(send)
