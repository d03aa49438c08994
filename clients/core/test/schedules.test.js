// 10,000 random schedules (see schedule.js), always the same ones: whether a change passes
// depends on the change. `make flake` takes others. To repeat one, and to try many more:
//
//     SEED=42 SCHEDULES=1 node --test core/test/schedules.test.js
//     SEED=$RANDOM$RANDOM SCHEDULES=300000 node --test core/test/schedules.test.js
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'

const schedules = Number(process.env.SCHEDULES ?? 10_000)
const seed = Number(process.env.SEED ?? 926_740_000)

// Two workers, each with half of the seeds. A failure names its seed.
test(`${schedules} random schedules from seed ${seed}`, async () => {
  const half = seed + Math.ceil(schedules / 2)
  const parts = [{ seed, end: half }, { seed: half, end: seed + schedules }]
  await Promise.all(parts.map(async (workerData) => {
    const [code] = await once(new Worker(new URL('schedule.js', import.meta.url), { workerData }), 'exit')
    assert.equal(code, 0)
  }))
})
