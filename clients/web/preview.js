import { textOf } from './text.js'

const kinds = { __proto__: null, image: 'anImage', voice: 'aVoice', video: 'aVideo', file: 'aFile', place: 'aPlace', card: 'aCard' }

// previewOf returns a message in one line: its text, or what it is.
export function previewOf({ body }, words) {
  const key = kinds[body?.type]
  const kind = key && words.get(key)
  const text = kind && typeof body.text !== 'string' ? '' : textOf(body)
  return [kind && `[${kind}]`, text].filter(Boolean).join(' ').slice(0, 200)
}
