import { Client } from 'caddy-chat-client'
import { browser } from 'caddy-chat-client/browser'
import { observeClient, observeList, observeRoom } from 'caddy-chat-client/observe'
import { getCurrentInstance, onMounted, onScopeDispose, shallowRef, toValue, watch, watchEffect } from 'vue'

// A page that is drawn on a server has no WebSocket, and needs none.
const none = { transport: () => {} }

// observe keeps value at what an observable returns, while the scope lasts.
function observe(value, find) {
  watchEffect((onCleanup) => {
    const observable = find()
    const update = () => (value.value = observable.get())
    update()
    onCleanup(observable.subscribe(update))
  }, { flush: 'sync' })
  return value
}

export function useChat(options) {
  const get = () => toValue(options)
  const chat = shallowRef()
  let mounted = !getCurrentInstance()
  const token = () => (typeof get().token === 'function' ? true : get().token)
  watch([() => get().url, () => get().device, token], () => {
    chat.value?.close()
    const given = get()
    chat.value = new Client({
      ...(given.transport ? undefined : typeof window === 'undefined' ? none : browser()),
      ...given,
      token: token() === true ? (why) => get().token(why) : given.token,
    })
    if (mounted) chat.value.connect()
  }, { immediate: true })
  watch([() => get().name, () => get().avatar], ([name, avatar]) => chat.value.introduce({ name, avatar }))
  if (!mounted) {
    onMounted(() => {
      mounted = true
      chat.value.connect()
    })
  }
  onScopeDispose(() => chat.value.close())
  return { chat, status: observe(shallowRef(), () => observeClient(chat.value)) }
}

export function useRoom(chat, room) {
  return observe(shallowRef(), () => observeRoom(toValue(chat), toValue(room)))
}

export function useList(chat) {
  return observe(shallowRef(), () => observeList(toValue(chat)))
}
