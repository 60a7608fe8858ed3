"""The cells of `rudder-sdk-python`; see cells.mjs."""

from cells import WRITE_KEY, for_each_cell
from rudderstack.analytics.client import Client


def send(cell, tell):
    client = Client(WRITE_KEY, host=cell["host"], on_error=lambda error, _: tell(error))
    for message_id in cell["ids"]:
        client.track("u1", "Report Viewed", message_id=message_id, context={"groupId": cell["account"]})
    client.shutdown()


for_each_cell(send)
