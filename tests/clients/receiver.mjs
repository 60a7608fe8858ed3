// Receives webhooks and checks them with the `standardwebhooks` package, as a customer's endpoint would.
//
//   node receiver.mjs --secret whsec_... [--port 0] [--fail-first N] [--fail-with 500,429] [--retry-after S]
//
// Prints {"port":N} first, then one line for each request that came: {"id":webhook-id,"verified":true|false,"status":what was answered,"attempt":of this id, from 1,
// "body":parsed JSON or text}. The first N requests are refused, with the statuses of --fail-with in turn (429 with Retry-After). A wrong signature is answered 401.
// Ends when standard input is closed.
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { Webhook } from 'standardwebhooks'

const { values: args } = parseArgs({
  options: {
    secret: { type: 'string' },
    port: { type: 'string', default: '0' },
    'fail-first': { type: 'string', default: '0' },
    'fail-with': { type: 'string', default: '500,429' },
    'retry-after': { type: 'string', default: '1' },
  },
})
if (!args.secret) {
  console.error('usage: node receiver.mjs --secret whsec_... [--port N] [--fail-first N] [--fail-with 500,429] [--retry-after S]')
  process.exit(2)
}

const BODY_BYTES_MAX = 1 << 20
const webhook = new Webhook(args.secret)
const failures = args['fail-with'].split(',').map(Number)
const attempts = new Map()
let requests = 0

const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

function verified(body, headers) {
  try {
    webhook.verify(body, headers)
    return true
  } catch {
    return false
  }
}

function parsed(body) {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}

// What to answer to the request that is the `nth` (from 0).
function answer(nth, isVerified) {
  if (nth < Number(args['fail-first'])) return failures[nth % failures.length]
  return isVerified ? 200 : 401
}

function receive(request, response, body) {
  const id = request.headers['webhook-id'] ?? null
  const attempt = (attempts.get(id) ?? 0) + 1
  attempts.set(id, attempt)
  const isVerified = verified(body, request.headers)
  const status = answer(requests++, isVerified)
  if (status === 429 || status === 503) response.setHeader('retry-after', args['retry-after'])
  response.writeHead(status, { 'content-type': 'text/plain' }).end(status === 200 ? 'ok' : 'no')
  print({ id, verified: isVerified, status, attempt, body: parsed(body) })
}

const server = createServer((request, response) => {
  const chunks = []
  let bytes = 0
  request.on('data', (chunk) => {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) request.destroy()
    else chunks.push(chunk)
  })
  request.on('end', () => receive(request, response, Buffer.concat(chunks).toString('utf8')))
  request.on('error', () => {})
})
server.listen(Number(args.port), '127.0.0.1', () => print({ port: server.address().port }))

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
