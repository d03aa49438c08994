import { html } from 'lit'

const common = ['👍', '❤️', '😂', '😮', '😢', '🙏']

const ownTag = ({ tags }, name) => tags?.some(({ tag, mine }) => mine && tag === name)

// drawChips draws the reactions to a message.
export function drawChips({ tags, seq }, { words, me, on }) {
  return html`<div class="chips">${tags.map(({ tag, users, mine, some = [] }) => {
    if (!users) return ''
    const names = some.filter((id) => id !== me).map((id) => words.name({ id }))
    if (mine) names.unshift(words.get('you'))
    if (users > names.length) names.push(words.get('morePeople', { n: users - names.length }))
    return html`<button aria-pressed=${String(mine)} title=${names.join(', ')} @click=${() => on.react(seq, tag, !mine)}>
      <span>${tag}</span> ${users}<span class="sr">: ${names.join(', ')}</span></button>`
  })}</div>`
}

// reactionRow is the entry of a menu with the common reactions, and the way to all others.
export function reactionRow(words, item, react, language = words.language) {
  return {
    label: words.get('react'),
    row: [
      ...common.map((tag) => ({ label: tag, pressed: ownTag(item, tag), run: () => react(item.seq, tag, !ownTag(item, tag)) })),
      {
        label: '+', name: words.get('emoji'),
        fill: async (done) => (await import('./emoji.js')).makePicker(language, (tag) => {
          done()
          react(item.seq, tag, true)
        }),
      },
    ],
  }
}
