// What the scripts for tests/compatibility.rs have in common.
//
// Each line of standard input is a cell of the matrix: {"host":"http://127.0.0.1:1","account":"a","ids":["m1","m2"]}. A script sends one event for each id, with its client, to that host, and prints one line for
// each cell when it is through with it: {"account":"a","told":["what the client told the application, or threw"]}. All cells go at once: a client that waits before it tries again holds up no other.
import { createInterface } from 'node:readline'

export const WRITE_KEY = process.env.C360_WRITE_KEY
/** How long a client may take, with all its tries. */
export const PATIENCE_MS = 60_000

/** Runs `send(cell, tell)` for each cell; `tell` takes what the client says went wrong. */
export async function forEachCell(send) {
  const running = []
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim()) running.push(one(JSON.parse(line), send))
  }
  await Promise.all(running)
}

async function one(cell, send) {
  const told = []
  const tell = (error) => told.push(String(error?.reason?.message ?? error?.message ?? error))
  try {
    await send(cell, tell)
  } catch (error) {
    tell(error)
  }
  console.log(JSON.stringify({ account: cell.account, told }))
}

/** Posts as providers of webhooks do: again, ever later, until a 2xx; a Retry-After is heeded. */
export async function postUntilTaken(url, headers, body, tell) {
  for (let wait = 100; wait < PATIENCE_MS; wait *= 2) {
    let retryAfter = 0
    try {
      const answer = await fetch(url, { method: 'POST', headers, body })
      await answer.arrayBuffer()
      if (answer.ok) return
      retryAfter = Number(answer.headers.get('retry-after') ?? 0) * 1000
      tell(`${answer.status}`)
    } catch (error) {
      tell(error)
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(wait, retryAfter)))
  }
  throw new Error('it was never taken')
}
