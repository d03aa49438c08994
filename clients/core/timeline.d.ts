import type { Client, InfoEntry, MemberEntry, Tag, User } from './index.js'

/** A message or notice to draw. An item is never modified; a new one replaces it. */
export interface Item<Body = { text: string }> {
  /** Identifies the message; stays the same from send on. */
  readonly id: string
  /** member and info only if the Timeline shows them. */
  readonly type: 'message' | 'notice' | 'member' | 'info'
  /** Undefined until the message is sent. */
  readonly seq: number | undefined
  readonly at: number
  readonly from: User | undefined
  readonly own: boolean
  readonly key: string | undefined
  /** Undefined if it was recalled. A notice of the operator has the same form as a message. */
  readonly body: Body | undefined
  readonly recalled: boolean
  /** The seq of the edit whose body this is. */
  readonly edited?: number
  /** The seq of the entry that it answers. */
  readonly reply?: number
  /** The ids of users whom it names; ['*'] is everybody. */
  readonly mentions?: readonly string[]
  readonly quiet?: boolean
  /** Shared ones first. Undefined if there is none. */
  readonly tags?: readonly Tag[]
  readonly state: 'sending' | 'sent' | 'failed'
  readonly code?: string
  /** Of the types member and info. */
  readonly entry?: MemberEntry | InfoEntry
}

/** At index, so many items were removed and the added ones inserted. */
export type Change<Body = { text: string }> = (index: number, removed: number, added: readonly Item<Body>[]) => void

/** The list of a room's messages. Create it before joining the room, or call older. */
export class Timeline<Body = { text: string }> {
  /** types are more entries to show, beside messages and notices. */
  constructor(chat: Client<Body>, room: string, change?: Change<Body>, types?: readonly ('member' | 'info')[])
  readonly items: readonly Item<Body>[]
  /** How many of the items have a seq; the user's unconfirmed messages follow them. */
  readonly placed: number
  /** Whether there may be older messages to load. */
  readonly more: boolean
  /** Loads a batch of history and resolves to the number of items that it added. */
  older(limit?: number): Promise<number>
  /** Removes the oldest items with a seq, except the newest keep of them. */
  trim(keep: number): void
  close(): void
}
