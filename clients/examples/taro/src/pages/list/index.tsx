import { useEffect } from 'react'
import { Button, Text, View } from '@tarojs/components'
import Taro from '@tarojs/taro'
import { useList } from 'caddy-chat-react'
import { Banner } from '../../banner'
import { chat } from '../../chat'
import { titleOf, words } from '../../words'

const open = (room: string) => Taro.navigateTo({ url: `/pages/room/index?room=${encodeURIComponent(room)}` })

// Who may found groups is said in the server's policies.
async function found() {
  try {
    open((await chat.create({ title: words.newGroup })).room)
  } catch (refusal) {
    Taro.showToast({ icon: 'none', title: (refusal as Error).message })
  }
}

export default function List() {
  const { rows, more, older } = useList(chat)
  useEffect(() => void Taro.setNavigationBarTitle({ title: words.chats }), [])
  return (
    <View>
      <Banner />
      <View className='row' onClick={() => open('lobby')}>lobby</View>
      {rows.map((row) => (
        <View key={row.room} className='row' onClick={() => open(row.room)}>
          <View className='text'>
            <Text>{titleOf(row.room, row)}</Text>
            <Text className='last'>{row.entry?.type === 'message' && !row.entry.recalled ? row.entry.body.text : ''}</Text>
          </View>
          {row.unread > 0 && <Text className='unread'>{row.unread}</Text>}
        </View>
      ))}
      {more && <Button className='button' onClick={() => older()}>{words.more}</Button>}
      <Button className='button' onClick={found}>{words.newGroup}</Button>
    </View>
  )
}
