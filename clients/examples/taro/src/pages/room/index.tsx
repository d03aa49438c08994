import { useEffect, useState } from 'react'
import { Button, Input, ScrollView, Text, View } from '@tarojs/components'
import Taro, { useRouter } from '@tarojs/taro'
import { useRoom } from 'caddy-chat-react'
import { Banner } from '../../banner'
import { chat } from '../../chat'
import { nameOf, titleOf, words } from '../../words'

export default function Room() {
  const { params } = useRouter<{ room: string }>()
  const room = decodeURIComponent(params.room ?? '')
  const { items, live, more, older, read, refusal, send } = useRoom(chat, room)
  const [text, setText] = useState('')
  const [end, setEnd] = useState('')

  const called = titleOf(room, chat.list?.get(room) ?? chat.rooms.get(room))
  useEffect(() => void Taro.setNavigationBarTitle({ title: called }), [called])

  // A new message at the end comes into view when it is drawn, and is read.
  const last = items[items.length - 1]?.id.replace(/\W/g, '-')
  useEffect(() => {
    Taro.nextTick(() => setEnd(last ?? ''))
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
            {!own && from && <Text className='name'>{nameOf(from)}</Text>}
            <Text className='bubble'>{recalled ? words.takenBack : typeof body?.text === 'string' ? body.text : JSON.stringify(body)}</Text>
            {(state === 'sending' || state === 'failed') && <Text className='mark'>{words[state]}</Text>}
          </View>
        ))}
      </ScrollView>
      <View className='composer'>
        <Input className='input' value={text} confirmType='send' confirmHold onInput={({ detail }) => setText(detail.value)} onConfirm={submit} />
        <Button className='send' size='mini' onClick={submit}>{words.send}</Button>
      </View>
    </View>
  )
}
