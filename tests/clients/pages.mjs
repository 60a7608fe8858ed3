// Looks at the console's pages in headless Chromium, on a wide screen and on a phone: they answer, nothing is broken in the browser, and nothing hangs out of the screen.
//
//   node pages.mjs --url http://127.0.0.1:8361 --token TOKEN [--shots FOLDER] PATH...
//
// CHROMIUM names the browser. Prints what is wrong as a list in JSON.
import { mkdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'

const { values, positionals } = parseArgs({ options: { url: { type: 'string' }, token: { type: 'string' }, shots: { type: 'string' } }, allowPositionals: true })
const SCREENS = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } }

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'] })
const wrong = []
for (const [screen, viewport] of Object.entries(SCREENS)) {
  const context = await browser.newContext({ viewport, colorScheme: screen === 'phone' ? 'dark' : 'light' })
  const page = await context.newPage()
  let where = '/login'
  page.on('pageerror', (error) => wrong.push(`${screen} ${where}: ${error}`))
  page.on('console', (message) => message.type() === 'error' && wrong.push(`${screen} ${where}: ${message.text()}`))
  await page.goto(values.url + where)
  await page.fill('input[name=token]', values.token)
  await Promise.all([page.waitForURL((url) => url.pathname !== '/login'), page.click('button[type=submit], form button')])
  for (const path of positionals) {
    where = path
    // Pages keep a stream open: they never fall silent.
    const answer = await page.goto(values.url + path, { waitUntil: 'load' })
    if (answer.status() !== 200) wrong.push(`${screen} ${path}: status ${answer.status()}`)
    // Numbers say what they mean when they are asked.
    for (const summary of await page.locator('details.how > summary').all()) await summary.click()
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    if (over > 1) wrong.push(`${screen} ${path}: ${over} pixels hang out of the screen`)
    if (values.shots) {
      await mkdir(values.shots, { recursive: true })
      await page.screenshot({ path: `${values.shots}/${screen}${path.replaceAll(/[^a-z0-9]+/gi, '-')}.png`, fullPage: true })
    }
  }
  await context.close()
}
await browser.close()
console.log(JSON.stringify(wrong))
