import { isSaid } from './targets.js'

const most = 5000 // messages that are loaded in search of one

// jump shows a message, wherever it is, and marks it for a moment.
export async function jump(element, state, seq) {
  const messages = element.renderRoot.querySelector('caddy-chat-messages')
  while (!(state.items[0]?.seq <= seq) && state.items.length < most && await state.older(100)) ;
  const index = state.items.findIndex((item) => item.seq === seq && isSaid(item))
  if (index < 0) return element.tell(element.words.get('gone'))
  if (messages?.state !== state || !messages.isConnected) return
  state.window.around(index, state.items.length)
  messages.goal = seq
  messages.requestUpdate()
  await messages.updateComplete
  const row = messages.list.querySelector(`[data-seq="${seq}"]`)
  if (!row) return
  const bubble = row.querySelector('.bubble') ?? row
  bubble.focus({ preventScroll: true })
  bubble.animate({ outline: ['3px solid var(--accent)', '3px solid var(--accent)', '3px solid transparent'] }, 2000)
}
