import { html, nothing } from 'lit'
import { avatar } from './avatar.js'
import { groups } from './groups.js'
import { bigEmoji, textOf } from './text.js'

// drawItem draws one item of a timeline. view has: words, dates, redraw, parts(text), which
// splits a text into strings and links, entryText(item) of an entry about members,
// mayRecall(item), me, the id of the user, direct, the other user of a conversation of two,
// pins of the room, tabStop, the id of the message whose menu is reached by the Tab key, and
// menu(event, item), which opens it; late, the part of the program that draws buttons, as
// soon as it is there, and on, what the buttons do.
export function drawItem(item, before, view) {
  const { words, late } = view
  if (item.type === 'notice') {
    return html`<li class="notice" data-id=${item.id} data-seq=${item.seq ?? nothing}>
      <p class="text" dir="auto">${drawText(item, view)}</p><footer>${drawTime(item, view)}</footer></li>`
  }
  if (item.type !== 'message') {
    const text = view.entryText(item)
    return text ? html`<li class="notice" data-id=${item.id} data-seq=${item.seq}><p dir="auto">${text}</p><footer></footer></li>` : nothing
  }
  const { own, from, state, recalled, reply, edited, tags, mentions } = item
  const mentioned = mentions?.some((id) => id === '*' || id === view.me)
  const grouped = groups(item, before)
  return html`<li class="${own ? 'own' : 'other'} ${state} ${grouped ? 'grouped' : ''} ${mentioned ? 'mentioned' : ''}" data-id=${item.id} data-seq=${item.seq ?? nothing}
      @contextmenu=${(event) => event.pointerType === 'touch' && view.menu(event, item)}>
    ${own ? nothing : grouped ? html`<span class="avatar none"></span>` : avatar(from, view.redraw)}
    <div class="bubble" part="bubble ${own ? 'own' : 'other'}" tabindex="-1">
      ${own || grouped || (view.direct && !from?.guest) ? nothing : html`<p class="who"><span class="name" dir="auto">${words.name(from)}</span>${
        from?.guest && from.name ? html` <span class="guest">${words.get('guest')}</span>` : nothing}</p>`}
      ${reply && !recalled ? late?.drawQuote(item, view) ?? html`<div class="quote"></div>` : nothing}
      <div dir="auto">${recalled
        ? html`<span class="gone">${words.get('recalled')}</span>${late?.drawTaken(item, view)}`
        : html`<span class="text ${bigEmoji(textOf(item.body)) ? 'big' : ''}">${drawText(item, view)}</span>`}<footer>${
          state === 'sending' ? html`<span class="state">${words.get('sending')}</span>` : state === 'failed' ? late?.drawFailed(item, view) : late?.drawSigns(item, view)}${edited && !recalled ? html`<span>${words.get('edited')}</span>` : nothing}${drawTime(item, view)}</footer></div>
      ${tags?.some(({ users }) => users) ? late?.drawChips(item, view) ?? html`<div class="chips"></div>` : nothing}
    </div>
    ${recalled || state === 'failed' ? nothing : late?.drawActs(item, view)}
  </li>`
}

function drawText(item, view) {
  return view.parts(textOf(item.body)).map((part) => (typeof part === 'string' ? part
    : html`<a href=${part.href} target="_blank" rel="noopener noreferrer nofollow ugc">${part.text}</a>`))
}

function drawTime({ at }, { dates }) {
  if (!(Math.abs(at) < 8.64e15)) return nothing // no time at all
  return html`<time datetime=${new Date(at).toISOString()} title=${dates.full.format(at)}>${dates.time.format(at)}</time>`
}
