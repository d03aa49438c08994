import { Button, Text, View } from '@tarojs/components'
import Taro from '@tarojs/taro'
import { useList } from 'caddy-chat-react'
import { Banner } from '../../banner'
import { chat } from '../../chat'

const open = (room: string) => Taro.navigateTo({ url: `/pages/room/index?room=${encodeURIComponent(room)}` })

// Who may found groups is said in the server's policies.
async function found() {
  try {
    open((await chat.create({ title: 'New group' })).room)
  } catch (refusal) {
    Taro.showToast({ icon: 'none', title: (refusal as Error).message })
  }
}

export default function List() {
  const { rows, more, older } = useList(chat)
  return (
    <View>
      <Banner />
      <View className='row' onClick={() => open('lobby')}>lobby</View>
      {rows.map(({ room, title, with: other, entry, unread }) => (
        <View key={room} className='row' onClick={() => open(room)}>
          <View className='text'>
            <Text>{title || other?.name || other?.id || room}</Text>
            <Text className='last'>{entry?.type === 'message' && !entry.recalled ? entry.body.text : ''}</Text>
          </View>
          {unread > 0 && <Text className='unread'>{unread}</Text>}
        </View>
      ))}
      {more && <Button className='button' onClick={() => older()}>More</Button>}
      <Button className='button' onClick={found}>New group</Button>
    </View>
  )
}
