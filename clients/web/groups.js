import { sameDay } from './dates.js'
import { nameOf } from './text.js'

const together = 5 * 60_000 // messages of one sender that are drawn as a group

// groups reports whether a message belongs to the group of the item before it.
export function groups(item, before) {
  return before?.type === 'message' && item.type === 'message' && before.own === item.own && before.from?.id === item.from?.id &&
    nameOf(before.from) === nameOf(item.from) && item.at - before.at < together && sameDay(item.at, before.at)
}
