// The cells of `@segment/analytics-node`; see cells.mjs.
import { Analytics } from '@segment/analytics-node'
import { PATIENCE_MS, WRITE_KEY, forEachCell } from './cells.mjs'

await forEachCell(async ({ host, account, ids }, tell) => {
  const analytics = new Analytics({ host, writeKey: WRITE_KEY, flushAt: ids.length })
  analytics.on('error', tell)
  for (const messageId of ids) {
    analytics.track({ userId: 'u1', event: 'Report Viewed', messageId, context: { groupId: account } })
  }
  await analytics.closeAndFlush({ timeout: PATIENCE_MS })
})
process.exit(0)
