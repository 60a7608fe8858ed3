"""The cells of PyPI's `stripe`: its signatures, sent as Stripe sends; see stripe-cells.mjs."""

import time

from cells import for_each_cell, post_until_taken
from stripe import WebhookSignature


def send(cell, tell):
    for body in cell["bodies"]:
        signature = WebhookSignature.generate_signature_header(body, cell["secret"], int(time.time()))
        headers = {"content-type": "application/json", "stripe-signature": signature}
        post_until_taken(f"{cell['host']}/hooks/stripe/stripe", headers, body.encode(), tell)


for_each_cell(send)
