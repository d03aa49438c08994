import { make } from './dom.js'
import { words } from './words.js'

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

// drawItem draws one item of a timeline. On is what its buttons do: retry, discard
// and, where the item may still be taken back, recall.
export function drawItem(item, on) {
  if (item.type === 'notice') return make('li.notice', {}, make('p', { dir: 'auto' }, textOf(item.body)))
  const { own, from, state, recalled } = item
  const bubble = make('div.bubble')
  if (!own) bubble.append(make('span.name', { dir: 'auto' }, nameOf(from)))
  if (from?.guest && !own) bubble.append(make('span.guest', {}, words.guest))
  bubble.append(recalled
    ? make('p.gone', {}, words.recalled)
    : make('p.text', { dir: 'auto' }, textOf(item.body)))
  bubble.append(foot(item, on))
  return make(`li.${own ? 'own' : 'other'}.${state}`, {}, bubble)
}

function foot({ at, own, state, code, recalled }, on) {
  const line = make('footer', {}, make('time', { datetime: new Date(at).toISOString(), title: day.format(at) }, clock.format(at)))
  if (state === 'sending') line.append(make('span.state', {}, words.sending))
  if (state === 'failed') {
    line.append(
      make('span.state', {}, words.failed(code)),
      make('button', { type: 'button', onclick: on.retry }, words.retry),
      make('button', { type: 'button', onclick: on.discard }, words.discard),
    )
  }
  if (own && state === 'sent' && !recalled && on.recall) {
    line.prepend(make('button.recall', { type: 'button', onclick: on.recall }, words.recall))
  }
  return line
}

export function nameOf(user) {
  return user?.name || user?.id || '?'
}

// textOf is a body in words: its text, or itself as JSON.
function textOf(body) {
  if (typeof body === 'string') return body
  if (typeof body?.text === 'string') return body.text
  return JSON.stringify(body)
}
