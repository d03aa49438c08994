import type { PropsWithChildren } from 'react'
import { useLaunch } from '@tarojs/taro'
import { chat } from './chat'
import './app.css'

export default function App({ children }: PropsWithChildren) {
  useLaunch(() => void chat.connect())
  return children
}
