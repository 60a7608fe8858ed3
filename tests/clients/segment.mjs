// Sends calls with Segment's own Node SDK, as a product app would.
//
//   node segment.mjs --host http://127.0.0.1:8360 --write-key KEY [--flush-at 15] [--timeout-ms 30000] < calls.jsonl
//
// Each line of standard input is one call: {"type":"track","userId":"u1","event":"Report Viewed","properties":{},"context":{"groupId":"a1"},"timestamp":"...","messageId":"..."};
// so too identify, group, page and screen, with the fields that the SDK takes. Prints {"sent":N,"errors":[...]}: N calls were acknowledged. Ends with 1 where one was not.
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Analytics } from '@segment/analytics-node'

const { values: args } = parseArgs({
  options: {
    host: { type: 'string' },
    'write-key': { type: 'string' },
    'flush-at': { type: 'string', default: '15' },
    'timeout-ms': { type: 'string', default: '30000' },
  },
})
if (!args.host || !args['write-key']) {
  console.error('usage: node segment.mjs --host URL --write-key KEY [--flush-at N] [--timeout-ms N] < calls.jsonl')
  process.exit(2)
}

const TYPES = new Set(['track', 'identify', 'group', 'page', 'screen', 'alias'])
const errors = []
let calls = 0
let sent = 0

const analytics = new Analytics({ host: args.host, writeKey: args['write-key'], flushAt: Number(args['flush-at']), flushInterval: 1000 })
analytics.on('error', (error) => errors.push(`${error.code}: ${error.reason?.message ?? error.reason}`))

// The SDK says of each call, once its batch is through or given up, which it was.
function call({ type, timestamp, ...fields }) {
  if (!TYPES.has(type)) throw new Error(`no such type of call: ${type}`)
  if (timestamp !== undefined) fields.timestamp = new Date(timestamp)
  calls += 1
  analytics[type](fields, (error) => {
    if (error) errors.push(`${type}: ${error.message ?? error.reason?.message ?? error.code ?? error}`)
    else sent += 1
  })
}

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue
  try {
    call(JSON.parse(line))
  } catch (error) {
    errors.push(`input: ${error.message}`)
  }
}
await analytics.closeAndFlush({ timeout: Number(args['timeout-ms']) })
console.log(JSON.stringify({ sent, errors }))
process.exit(sent === calls && errors.length === 0 ? 0 : 1)
