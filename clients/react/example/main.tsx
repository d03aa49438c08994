import { StrictMode, useState, type FormEvent } from 'react'
import { createRoot } from 'react-dom/client'
import { useChat, useRoom } from 'caddy-chat-react'

function Chat({ url, name }: { url: string; name: string }) {
  const { chat, state } = useChat({ url, name })
  const { items, more, older, send, read, refusal } = useRoom(chat, 'lobby')
  const [text, setText] = useState('')

  function submit(event: FormEvent) {
    event.preventDefault()
    send({ text }) // the list shows a message that is not sent yet
    setText('')
    read()
  }

  if (refusal) return <p>{refusal.message}</p>
  return (
    <form onSubmit={submit}>
      <p>{state}</p>
      {more && <button type="button" onClick={() => older()}>Older</button>}
      <ul>
        {items.map((item) => (
          <li key={item.id} className={item.state}>
            {item.from?.name}: {item.recalled ? '(taken back)' : item.body?.text}
          </li>
        ))}
      </ul>
      <input value={text} onChange={(event) => setText(event.target.value)} />
    </form>
  )
}

createRoot(document.getElementById('chat')!).render(
  <StrictMode>
    <Chat url="wss://chat.example.com/chat" name="Li" />
  </StrictMode>,
)
