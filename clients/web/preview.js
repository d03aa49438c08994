import { textOf } from './text.js'

const kinds = new Map(Object.entries({ image: 'anImage', voice: 'aVoice', video: 'aVideo', file: 'aFile', place: 'aPlace', card: 'aCard' }))

// previewOf returns a message in one line: its text, or what it is.
export function previewOf({ body }, words) {
  const kind = kinds.has(body?.type) && words.get(kinds.get(body.type))
  const text = typeof body === 'string' || typeof body?.text === 'string' ? textOf(body) : kind ? '' : textOf(body)
  return [kind && `[${kind}]`, text].filter(Boolean).join(' ').slice(0, 200)
}
