// The cells of npm's `stripe`: its signatures, sent as Stripe sends; see cells.mjs. A cell has the webhook's secret, and the events' bodies in the place of their ids.
import Stripe from 'stripe'
import { forEachCell, postUntilTaken } from './cells.mjs'

const stripe = new Stripe('sk_test_unused')

await forEachCell(async ({ host, secret, bodies }, tell) => {
  for (const payload of bodies) {
    const signature = stripe.webhooks.generateTestHeaderString({ payload, secret })
    await postUntilTaken(`${host}/hooks/stripe/stripe`, { 'content-type': 'application/json', 'stripe-signature': signature }, payload, tell)
  }
})
