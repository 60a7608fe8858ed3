// The cells of npm's `cloudevents`: one event structured, the next one binary; see cells.mjs.
import { CloudEvent, HTTP } from 'cloudevents'
import { WRITE_KEY, forEachCell, postUntilTaken } from './cells.mjs'

const MODES = [HTTP.structured, HTTP.binary]

await forEachCell(async ({ host, account, ids }, tell) => {
  for (const [n, id] of ids.entries()) {
    const event = new CloudEvent({ id, source: '/app', type: 'Report Viewed', accountid: account, userid: 'u1', datacontenttype: 'application/json', data: { n } })
    const { headers, body } = MODES[n % MODES.length](event)
    await postUntilTaken(`${host}/v1/cloudevents/app`, { ...headers, authorization: `Bearer ${WRITE_KEY}` }, body, tell)
  }
})
