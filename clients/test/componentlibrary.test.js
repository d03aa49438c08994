// What README.md says of the components: the base library that they need, which is the newest of what
// they use, by the numbers of WeChat's documentation; and their properties, events, slots and classes.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../miniprogram/caddy-chat', import.meta.url))

// What they use, by the version that brought it.
const since = {
  '1.0.0': `view text image scroll-view textarea wx:for wx:key wx:if wx:elif wx:else class id style src mode value focus fixed placeholder maxlength
    auto-height placeholder-class scroll-y scroll-into-view scroll-top upper-threshold lower-threshold wx:for-item block
    bindtap catchtap bindlongpress binderror bindinput bindfocus bindblur bindconfirm bindlinechange bindscroll bindscrolltoupper bindscrolltolower catchtouchmove
    getStorageSync setStorageSync removeStorageSync`,
  '1.1.0': 'setClipboardData onNetworkStatusChange',
  '1.2.0': 'vibrateShort',
  '1.5.0': 'lazy-load show-confirm-bar',
  '1.6.3': 'Component properties data methods slot name externalClasses multipleSlots options lifetimes triggerEvent selectComponent createSelectorQuery',
  '1.7.0': 'connectSocket',
  '1.9.90': 'adjust-position',
  '2.1.2': 'onAppShow offAppShow onAppHide offAppHide',
  '2.2.3': 'pageLifetimes',
  '2.6.1': 'observers',
  '2.6.5': 'styleIsolation',
  '2.7.0': 'bindkeyboardheightchange',
  '2.7.1': 'aria-role aria-label aria-hidden',
  '2.8.2': 'hold-keyboard scroll-anchoring',
  '2.9.3': 'offNetworkStatusChange',
  '2.10.0': 'disable-default-padding',
  '2.11.0': 'prefers-color-scheme',
  '2.12.0': 'enhanced bounces',
  '2.13.0': 'confirm-type',
  '2.16.0': 'confirm-hold',
  '2.20.1': 'getAppBaseInfo getWindowInfo',
}

// What newer ones have, and older ones do without: an attribute that is not known is nothing.
const without = { '2.23.4': 'fontSizeSetting', '2.25.3': 'enable-passive' }

const numbers = (table) => new Map(Object.entries(table).flatMap(([version, names]) => names.split(/\s+/).map((name) => [name, version])))
const newer = (a, b) => a.split('.').map(Number).reduce((order, n, i) => order || n - Number(b.split('.')[i]), 0)

// own are the events and attributes of our own components.
const own = /^(bindchoose|theme|scale|sheet|data-[\w-]+)$/

test('what the components use of WeChat is in the base library that they say they need', async () => {
  const known = numbers(since)
  const optional = numbers(without)
  const used = new Set()
  for (const file of await readdir(root, { recursive: true })) {
    const text = await readFile(path.join(root, file), 'utf8').catch(() => '')
    if (file.endsWith('.wxml')) {
      for (const [, tag, attributes] of text.matchAll(/<([\w-]+)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/g)) {
        if (tag !== 'caddy-chat-sheet') used.add(tag)
        for (const [, name] of attributes.matchAll(/\s([\w:-]+)(?:="[^"]*")?/g)) if (!own.test(name)) used.add(name)
      }
    } else if (file.endsWith('.wxss')) {
      for (const [, name] of text.matchAll(/@media \(([\w-]+)/g)) used.add(name)
    } else if (file.endsWith('.js')) {
      for (const [, direct, named] of text.matchAll(/\bwx\.(\w+)|\battempt\('(\w+)'/g)) used.add(direct ?? named)
      for (const [, name] of text.matchAll(/\bapi\.(\w+)/g)) used.add(name)
      for (const [, name] of text.matchAll(/\blisten\("(\w+)"/g)) for (const on of ['on', 'off']) used.add(`${on}${name}`)
      for (const [, name] of text.matchAll(/^ {2}(\w+): \{|\b(?:styleIsolation|multipleSlots)\b/gm)) if (name && text.includes('Component({')) used.add(name)
      for (const name of ['styleIsolation', 'multipleSlots', 'triggerEvent', 'createSelectorQuery', 'fontSizeSetting', 'pageLifetimes', 'observers']) if (text.includes(name)) used.add(name)
    }
  }
  assert.ok(used.size > 60, `${used.size} features found`)
  assert.deepEqual([...used].filter((name) => !known.has(name) && !optional.has(name)), [], 'not in the table')
  const needed = [...used].filter((name) => known.has(name)).map((name) => known.get(name)).sort(newer).pop()
  const { wechat } = JSON.parse(await readFile(new URL('../miniprogram-package/package.json', import.meta.url), 'utf8'))
  assert.equal(wechat.baseLibrary, needed)
  for (const name of ['README.md', 'README.zh-CN.md']) assert.ok((await readFile(path.join(root, name), 'utf8')).includes(needed), name)
})

// listed returns what a README lists of a component, as names in the order of the alphabet.
function listed(text, title) {
  const [, part] = text.split(`\n## \`<${title}>\`\n`)
  const [own] = part.split('\n## ')
  const tables = own.trim().split('\n\n').filter((block) => block.startsWith('| '))
  const firsts = (table) => table.split('\n').slice(2).flatMap((row) => [...row.split('|')[1].matchAll(/`([\w-]+)`/g)].map(([, name]) => name)).sort()
  const [, slots, classes] = /^(?:Slots: |插槽：)(.*?)(?:External classes: |外部样式类：)([^]*?)\n\n/m.exec(`${own}\n\n`)
  const names = (line) => [...line.matchAll(/`([\w-]+)`/g)].map(([, name]) => name).sort()
  return { properties: firsts(tables[0]), events: firsts(tables[1]), slots: names(slots), classes: names(classes) }
}

test('the properties, events, slots and external classes of the README are those of the components', async () => {
  const read = (file) => readFile(path.join(root, file), 'utf8')
  const looks = await read('looks.js')
  const names = (text, pattern) => [...new Set([...text.matchAll(pattern)].map(([, name]) => name))].sort()
  for (const [title, folder, parts] of [['caddy-chat', 'room', ['room/room.js', 'room/field.js']], ['caddy-chat-list', 'list', ['list/list.js']]]) {
    const js = (await Promise.all(parts.map(read))).join('')
    const wxml = await read(`${folder}/${folder}.wxml`)
    const [, own] = /\n {2}properties: \{\n([^]*?)\n {2}\},/.exec(js)
    const [, classes] = /externalClasses: \[(.*)\]/.exec(js)
    const made = {
      properties: names(looks + own, /^ +(\w+): \{ type/gm),
      events: names(js, /triggerEvent\('(\w+)'/g),
      slots: names(wxml, /<slot name="([\w-]+)"/g),
      classes: names(classes, /'([\w-]+)'/g),
    }
    for (const name of made.classes) assert.match(wxml, new RegExp(`[" ']${name}[" ']`), `${name} is on no element`)
    for (const readme of ['README.md', 'README.zh-CN.md']) assert.deepEqual(listed(await read(readme), title), made, `${readme}: ${title}`)
  }
  const room = await read('room/room.js')
  for (const name of ['send', 'scrollTo', 'toEnd', 'setText', 'moderate']) {
    assert.match(room, new RegExp(`^ {4}${name}\\(`, 'm'))
    for (const readme of ['README.md', 'README.zh-CN.md']) assert.ok((await read(readme)).includes(`\`${name}(`), `${readme}: ${name}`)
  }
})
