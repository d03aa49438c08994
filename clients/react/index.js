import { Client } from 'caddy-chat-client'
import { browser } from 'caddy-chat-client/browser'
import { observeClient, observeList, observeRoom } from 'caddy-chat-client/observe'
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react'

// A page that is drawn on a server has no WebSocket, and needs none: effects connect.
const none = { transport: () => {} }

const useObservable = ({ subscribe, get }) => useSyncExternalStore(subscribe, get, get)

export function useChat(options) {
  const { url, device, token, name, avatar } = options
  const latest = useRef(options)
  const isFunction = typeof token === 'function'
  const chat = useMemo(() => new Client({
    ...(options.transport ? undefined : typeof window === 'undefined' ? none : browser()),
    ...options,
    token: isFunction ? (why) => latest.current.token(why) : token,
  }), [url, device, isFunction || token])
  useEffect(() => {
    latest.current = options
  })
  useEffect(() => chat.introduce({ name, avatar }), [chat, name, avatar])
  useEffect(() => {
    chat.connect()
    return () => chat.close()
  }, [chat])
  return { chat, ...useObservable(observeClient(chat)) }
}

export function useRoom(chat, room) {
  return useObservable(observeRoom(chat, room))
}

export function useList(chat) {
  return useObservable(observeList(chat))
}
