import type { Client, Outgoing, Retry, State, User } from './index.js'
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
  /** Why the user is not in the room, if the server refused it or removed the user. */
  readonly refusal: { code: string; message: string; retry: Retry } | undefined

  send(body: Body, options?: { key?: string }): Promise<Outgoing<Body>>
  /** Loads a batch of history and resolves to the number of messages that it added. */
  older(limit?: number): Promise<number>
  /** Marks everything as read, or everything up to seq. */
  read(seq?: number): Promise<unknown>
  /** May be called with every key press. */
  typing(): void
  recall(seq: number): Promise<unknown>
  retry(key: string): Promise<Outgoing<Body>>
  discard(key: string): void
  /** Joins the room again after a refusal. */
  join(): Promise<unknown>
}

export function observeClient(chat: Client<any>): Observable<ClientValue>

/** Joins the room with the first listener, and leaves it after the last one unless the app had joined it itself. */
export function observeRoom<Body>(chat: Client<Body>, room: string): Observable<RoomValue<Body>>
