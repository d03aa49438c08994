// Chromium for tests. Debian has it without windows, too, as the headless shell: the same
// engine of the same version, which draws the same pictures and takes half of the
// processor's time. h2.test.js runs the whole browser.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const executablePath = process.env.CHROMIUM ?? ['/usr/lib/chromium/chromium-headless-shell', '/usr/bin/chromium'].find(existsSync)

export function launch({ args = [], ...options } = {}) {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-features=LocalNetworkAccessChecks', ...args], ...options })
}
