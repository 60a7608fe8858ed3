// Signs webhooks with Stripe's own library.
//
//   node stripe-sign.mjs < to-sign.jsonl
//
// Each line of standard input is {"payload": "the body's text", "secret": "whsec_...", "timestamp": unix seconds}; for each one line is printed: the value of `Stripe-Signature`.
import { createInterface } from 'node:readline'
import Stripe from 'stripe'

// Signing asks nobody; the key is never sent.
const stripe = new Stripe('sk_test_unused')

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue
  const { payload, secret, timestamp } = JSON.parse(line)
  if (typeof payload !== 'string' || typeof secret !== 'string' || !Number.isInteger(timestamp)) {
    throw new Error('a line must have payload and secret (texts) and timestamp (unix seconds)')
  }
  console.log(stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp }))
}
