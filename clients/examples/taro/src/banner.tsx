import { useSyncExternalStore } from 'react'
import { View } from '@tarojs/components'
import { observeClient } from 'caddy-chat-client/observe'
import { chat } from './chat'
import { words } from './words'

const { get, subscribe } = observeClient(chat)

// Banner says so while there is no connection.
export function Banner() {
  const { state } = useSyncExternalStore(subscribe, get, get)
  return state === 'online' ? null : <View className='banner'>{words[state]}</View>
}
