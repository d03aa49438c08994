import type { Client, Json, User } from './index.js'

/** What a page draws of a message or notice. Items are never altered, but replaced. */
export interface Item {
  /** The same for the same message, from sending on. */
  readonly id: string
  readonly type: 'message' | 'notice'
  /** Undefined until the message is sent. */
  readonly seq: number | undefined
  readonly at: number
  readonly from: User | undefined
  readonly own: boolean
  readonly key: string | undefined
  readonly body: Json | undefined
  readonly recalled: boolean
  readonly state: 'sending' | 'sent' | 'failed'
  readonly code?: string
}

/** At index, removed items have gone and added ones have come. */
export type Change = (index: number, removed: number, added: readonly Item[]) => void

/** The list of what was said in a room: make it before joining, or call older. */
export class Timeline {
  constructor(chat: Client, room: string, change?: Change)
  readonly items: readonly Item[]
  /** How many of them the server has numbered; the others come behind them. */
  readonly placed: number
  /** Whether there may be older ones to load. */
  readonly more: boolean
  /** Loads a page of older items and resolves to how many it brought. */
  older(limit?: number): Promise<number>
  /** Forgets all but the newest numbered ones. */
  trim(keep: number): void
  close(): void
}
