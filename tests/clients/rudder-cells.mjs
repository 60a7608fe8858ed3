// The cells of `@rudderstack/rudder-sdk-node`; see cells.mjs.
import Analytics from '@rudderstack/rudder-sdk-node'
import { WRITE_KEY, forEachCell } from './cells.mjs'

await forEachCell(async ({ host, account, ids }, tell) => {
  // Without a handler the SDK throws where nobody can catch it, and the process ends.
  const analytics = new Analytics(WRITE_KEY, { dataPlaneUrl: host, flushAt: ids.length, errorHandler: tell, logLevel: 'none' })
  for (const messageId of ids) {
    analytics.track({ userId: 'u1', event: 'Report Viewed', messageId, context: { groupId: account } })
  }
  await analytics.flush()
})
process.exit(0)
