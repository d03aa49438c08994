import { make } from './dom.js'
import { words } from './words.js'

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

// drawItem draws one item of a timeline. The functions in on are those of its
// buttons: retry, discard and, if the message may still be recalled, recall.
export function drawItem(item, on) {
  if (item.type === 'notice') return make('li.notice', {}, make('p', { dir: 'auto' }, textOf(item.body)))
  const { own, from, state, recalled } = item
  const bubble = make('div.bubble')
  if (!own) bubble.append(make('span.name', { dir: 'auto' }, nameOf(from)))
  if (from?.guest && !own) bubble.append(make('span.guest', {}, words.guest))
  bubble.append(recalled
    ? make('p.gone', {}, words.recalled)
    : make('p.text', { dir: 'auto' }, textOf(item.body)))
  bubble.append(drawFooter(item, on))
  return make(`li.${own ? 'own' : 'other'}.${state}`, {}, bubble)
}

function drawFooter({ at, own, state, code, recalled }, on) {
  const footer = make('footer', {}, make('time', { datetime: new Date(at).toISOString(), title: dateFormat.format(at) }, timeFormat.format(at)))
  if (state === 'sending') footer.append(make('span.state', {}, words.sending))
  if (state === 'failed') {
    footer.append(
      make('span.state', {}, words.failed(code)),
      make('button', { onclick: on.retry }, words.retry),
      make('button', { onclick: on.discard }, words.discard),
    )
  }
  if (own && state === 'sent' && !recalled && on.recall) {
    footer.prepend(make('button.recall', { onclick: on.recall }, words.recall))
  }
  return footer
}

export function nameOf(user) {
  return user?.name || user?.id || '?'
}

// textOf returns the text of a body, or the body as JSON if it has none.
function textOf(body) {
  if (typeof body === 'string') return body
  if (typeof body?.text === 'string') return body.text
  return JSON.stringify(body)
}
