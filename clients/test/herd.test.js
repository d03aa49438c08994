import assert from 'node:assert/strict'
import { test } from 'node:test'
import { herd } from './herd.js'

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`a server with 400 clients stops by ${signal}: all reconnect, not at once, and no message is lost`, async () => {
    const { count, back, sent, faults, errors } = await herd(400, { signal })
    assert.equal(back.length, count)
    assert.deepEqual(faults, [])
    assert.deepEqual(errors, [])
    assert.ok(sent >= 8, `${sent} messages were sent`)
    // The most reconnects in any tenth of a second.
    let most = 0
    for (let i = 0, j = 0; j < back.length; j++) {
      while (back[j] - back[i] > 100) i++
      most = Math.max(most, j - i + 1)
    }
    assert.ok(most < count / 2, `${most} of ${count} reconnected within a tenth of a second`)
  })
}
