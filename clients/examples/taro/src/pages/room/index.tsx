import { useEffect, useState } from 'react'
import { Button, Input, ScrollView, Text, View } from '@tarojs/components'
import Taro, { useRouter } from '@tarojs/taro'
import { useRoom } from 'caddy-chat-react'
import { Banner } from '../../banner'
import { chat } from '../../chat'

export default function Room() {
  const { params } = useRouter<{ room: string }>()
  const room = decodeURIComponent(params.room ?? '')
  const { items, live, more, older, read, refusal, send } = useRoom(chat, room)
  const [text, setText] = useState('')
  const [end, setEnd] = useState('')

  // The title is that of the conversation, or the name of the other one; other rooms have their own name.
  const { title, with: other } = chat.list?.get(room) ?? chat.rooms.get(room) ?? {}
  const called = title || other?.name || room
  useEffect(() => void Taro.setNavigationBarTitle({ title: called }), [called])

  // A new message at the end comes into view, and is read.
  const last = items[items.length - 1]?.id.replace(/\W/g, '-')
  useEffect(() => {
    setEnd(last ?? '')
    if (live) read()
  }, [last, live])

  function submit() {
    if (!text.trim()) return
    send({ text }) // the list shows it at once, and also if it fails
    setText('')
  }

  return (
    <View className='room'>
      <Banner />
      {refusal && <View className='banner'>{refusal.message}</View>}
      <ScrollView className='log' scrollY scrollIntoView={end} onScrollToUpper={() => more && older()}>
        {items.map(({ id, type, own, from, body, recalled, state }) => (
          <View key={id} id={id.replace(/\W/g, '-')} className={`line ${own ? 'own' : ''} ${type}`}>
            {!own && from && <Text className='name'>{from.name}</Text>}
            <Text className='bubble'>{recalled ? '(taken back)' : typeof body?.text === 'string' ? body.text : JSON.stringify(body)}</Text>
            {state !== 'sent' && <Text className='mark'>{state}</Text>}
          </View>
        ))}
      </ScrollView>
      <View className='composer'>
        <Input className='input' value={text} confirmType='send' confirmHold onInput={({ detail }) => setText(detail.value)} onConfirm={submit} />
        <Button className='send' size='mini' onClick={submit}>Send</Button>
      </View>
    </View>
  )
}
