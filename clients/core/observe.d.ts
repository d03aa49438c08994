import type { Changed, Client, Json, Outgoing, Retry, Row, SendOptions, State, User } from './index.js'
import type { Item } from './timeline.js'

/** What a component shows, as one value. Frameworks read it with get, and again when subscribe calls the listener. */
export interface Observable<Value> {
  get(): Value
  /** Calls the listener when get returns another value. The function that it returns ends that. */
  subscribe(listener: () => void): () => void
}

export interface ClientValue {
  readonly state: State
  /** Who the user is; undefined until the first connection is welcomed. */
  readonly user: User | undefined
  /** Why the client is offline or closed, and when it tries again. */
  readonly code?: string
  readonly message?: string
  readonly retry?: Retry
}

export interface RoomValue<Body = { text: string }> {
  /** The messages and notices, oldest first, then the user's own that are not sent yet. */
  readonly items: readonly Item<Body>[]
  /** Whether there may be older messages to load. */
  readonly more: boolean
  readonly live: boolean
  readonly members: number | undefined
  readonly unread: number
  /** The user may send. */
  readonly write: boolean
  readonly moderate: boolean
  /** The seq of the messages that moderators have pinned, in ascending order. */
  readonly pins: readonly number[]
  /** Why the user is not in the room, if the server refused it or removed the user. */
  readonly refusal: { code: string; message: string; retry: Retry } | undefined

  send(body: Body, options?: SendOptions): Promise<Outgoing<Body>>
  /** Loads a batch of history and resolves to the number of messages that it added. */
  older(limit?: number): Promise<number>
  /** Marks everything as read, or everything up to seq. */
  read(seq?: number): Promise<unknown>
  /** May be called with every key press. */
  typing(): void
  /** Replaces the body of the user's own message, for as long as the server permits. */
  edit(seq: number, body: Body): Promise<Changed>
  /** Adds a reaction, or removes it with false. With shared it belongs to the message: moderators set it, such as pin. */
  tag(seq: number, tag: string, value?: Json, shared?: boolean): Promise<Changed>
  recall(seq: number): Promise<Changed>
  retry(key: string): Promise<Outgoing<Body>>
  discard(key: string): void
  /** Joins the room again after a refusal. */
  join(): Promise<unknown>
}

export interface ListValue<Body = { text: string }> {
  /** Those with top first, then the newest. */
  readonly rows: readonly Row<Body>[]
  /** Those that the user has hidden, as far as they are known. */
  readonly hidden: readonly Row<Body>[]
  /** What is unread in all conversations that are neither muted nor hidden. */
  readonly unread: number
  /** Whether there are more rows to load. */
  readonly more: boolean
  /** Every change comes at once; otherwise the newest rows are asked for each minute. */
  readonly live: boolean
  /** The list was not opened yet, or more rows are being loaded. */
  readonly loading: boolean
  /** Why the list was not opened, or why the last of the methods below failed. */
  readonly error: { code: string; message: string; retry: Retry } | undefined

  /** Loads more rows and resolves to their number. */
  older(): Promise<number>
  /** How the user has a conversation in the list: notify false mutes it, hide takes it away until something is said, clear removes what was said. */
  set(room: string, row: { notify?: boolean; top?: boolean; hide?: boolean; clear?: true }): Promise<unknown>
  /** Marks everything in a conversation as read, or everything up to seq. */
  read(room: string, seq?: number): Promise<unknown>
}

export function observeClient(chat: Client<any>): Observable<ClientValue>

/** Joins the room with the first listener, and leaves it after the last one unless the app had joined it itself. */
export function observeRoom<Body>(chat: Client<Body>, room: string): Observable<RoomValue<Body>>

/** Throws a TypeError if the client was made without the option list. */
export function observeList<Body>(chat: Client<Body>): Observable<ListValue<Body>>
