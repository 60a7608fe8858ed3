// The cells of `@jitsu/js` on a server; see cells.mjs. It gives each event an id of its own, takes only keys with a colon in them, and says what went wrong on the console and nowhere else.
import { jitsuAnalytics } from '@jitsu/js'
import { WRITE_KEY, forEachCell } from './cells.mjs'

const listeners = new Map()
console.error = (text) => listeners.forEach((tell, host) => String(text).includes(host) && tell(text))

await forEachCell(async ({ host, account, ids }, tell) => {
  listeners.set(host, tell)
  const analytics = jitsuAnalytics({ host, writeKey: `${WRITE_KEY}:x`, s2s: true })
  for (const _ of ids) await analytics.track('Report Viewed', { userId: 'u1', groupId: account, context: { groupId: account } })
})
process.exit(0)
