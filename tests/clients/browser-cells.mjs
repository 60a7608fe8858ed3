// The cells of `@segment/analytics-next` in headless Chromium, a page for each; see cells.mjs. The page comes from another origin than what it sends to, as on every web site.
//
// CHROMIUM names the browser.
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { PATIENCE_MS, WRITE_KEY, forEachCell } from './cells.mjs'

const UMD = join(fileURLToPath(new URL('.', import.meta.url)), 'node_modules/@segment/analytics-next/dist/umd')
const PAGE = '<!doctype html><title>A web site</title><script src="/index.js"></script>'

const site = createServer(async (request, response) => {
  try {
    const name = basename(request.url)
    response.setHeader('content-type', name ? 'text/javascript' : 'text/html')
    response.end(name ? await readFile(join(UMD, name)) : PAGE)
  } catch {
    response.writeHead(404).end()
  }
})
await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve))

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

await forEachCell(async ({ host, account, ids }, tell) => {
  const context = await browser.newContext()
  const page = await context.newPage()
  let [taken, givenUp] = [0, 0]
  page.on('pageerror', tell)
  page.on('response', (response) => {
    if (response.request().method() === 'POST' && response.ok()) taken += 1
  })
  await page.exposeFunction('tell', (error) => {
    givenUp += 1
    tell(error)
  })
  await page.goto(`http://127.0.0.1:${site.address().port}/`)
  // All that the page is told is where the settings come from.
  await page.evaluate(
    async ({ host, account, ids, writeKey }) => {
      const analytics = window.AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL: host })
      const [instance] = await analytics
      instance.on('error', (error) => window.tell(String(error?.reason?.message ?? error?.reason ?? error)))
      for (const messageId of ids) analytics.track('Report Viewed', {}, { messageId, userId: 'u1', context: { groupId: account } })
    },
    { host, account, ids, writeKey: WRITE_KEY },
  )
  // What failed waits in the page, and goes again from there; each request carries one event.
  for (const until = Date.now() + PATIENCE_MS; taken + givenUp < ids.length && Date.now() < until; ) await new Promise((resolve) => setTimeout(resolve, 20))
  await context.close()
})
await browser.close()
site.close()
