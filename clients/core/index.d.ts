/** Any value that JSON can write. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Milliseconds to wait, or false for never. */
export type Retry = number | false

export type State =
  /** No connection: connect was not called yet, or the next attempt is due in a moment. */
  | 'offline'
  /** A connection is being opened. */
  | 'connecting'
  | 'online'
  /** The app is in the background. */
  | 'suspended'
  /** For good, until connect is called. */
  | 'closed'

export interface User {
  id: string
  name: string
  avatar?: string
  /** Nobody vouches for the name. */
  guest?: true
}

export interface Limits {
  message: number
  text: number
  page: number
  rooms: number
  recall: number
}

/** A room that the user is in, or wants to be in. */
export interface Room {
  readonly room: string
  /** The life of the numbering; undefined until the server has told it. */
  readonly epoch: string | undefined
  /** The last entry that the listeners were told of. */
  readonly seq: number
  /** Whether entries come as they happen. */
  readonly live: boolean
  /** How many users are there; undefined where the room does not tell. */
  readonly members: number | undefined
  /** The user's read mark. */
  readonly read: number
  /** How many entries lie above it. */
  readonly unread: number
  /** The user may send. */
  readonly write: boolean
  /** The user may recall anybody's messages, mute, kick and ban. */
  readonly moderate: boolean
}

/** Where to go on in a room, for an app that has kept its entries itself. */
export interface Place {
  epoch: string
  after: number
}

export interface Message {
  type: 'message'
  room: string
  seq: number
  at: number
  from: User
  key?: string
  body?: Json
  recalled?: true
}

export interface Recalled {
  type: 'recalled'
  room: string
  seq: number
  at: number
  /** Missing where it was the server's operator. */
  from?: User
  /** The message that was taken back. */
  target: number
}

export interface Notice {
  type: 'notice'
  room: string
  seq: number
  at: number
  body: Json
}

export type Entry = Message | Recalled | Notice

export interface Page {
  room: string
  epoch: string
  entries: Entry[]
  more: boolean
}

/** One of the user's own messages, on its way. */
export interface Outgoing {
  room: string
  key: string
  body: Json
  /** When it was said, by this device's clock; by the server's once it is sent. */
  at: number
  state: 'sending' | 'sent' | 'failed' | 'discarded'
  /** Its number, once it is sent. */
  seq?: number
  /** Why it failed. */
  code?: string
}

export interface StateChange {
  state: State
  /** Why, where the state is closed or offline: a code of PROTOCOL.md, or lost, dead or closed. */
  code?: string
  message?: string
  /** In how many milliseconds the next attempt is due. */
  retry?: Retry
}

/** What happens, by the name to listen for. */
export interface Events {
  state: StateChange
  message: Message
  recalled: Recalled
  notice: Notice
  /** All that was said has been told, and from now on it is told as it happens. */
  room: Room
  /** What was told of the room before is stale; the newest page follows. */
  gap: { room: string; epoch: string }
  /** The user is not in the room, against their will. With a retry the client comes back by itself. */
  removed: { room: string; code: string; message: string; retry: Retry }
  outbox: Outgoing
  presence: { room: string; joined: User[]; left: User[]; members: number }
  typing: { room: string; from: User }
  read: { room: string; seq: number; unread: number }
  muted: { room?: string; for?: number }
  expiring: { expires: number }
  /** What no promise tells of. */
  error: ChatError
}

/** What a transport tells, each never before the transport has returned. */
export interface TransportEvents {
  open(): void
  message(text: string): void
  /** Either of these is the end. */
  error(cause?: unknown): void
  close(): void
}

export interface Socket {
  send(text: string): void
  close(): void
}

export type Transport = (url: string, protocols: string[], on: TransportEvents) => Socket

/** Synchronous, as localStorage is. */
export interface Storage {
  getItem(name: string): string | null | undefined
  setItem(name: string, text: string): void
  removeItem(name: string): void
}

/** What a platform lends. */
export interface Platform {
  transport: Transport
  storage?: Storage
  /** Calls suspend, resume and check as the platform demands, until the returned function is called. */
  watch?(chat: Client): () => void
}

/** Time and chance, for tests. */
export interface Clock {
  now(): number
  setTimeout(run: () => void, delay: number): unknown
  clearTimeout(handle: any): void
  random(): number
}

export interface Options extends Platform {
  /** ws:// or wss://, without a token in it. */
  url: string
  /**
   * The token, or a function that gets one. It is called when there is none yet, and with expired, bad_token or
   * expiring when the last one is of no more use. Without a token the user is a guest, the same one each time.
   */
  token?: string | ((why?: string) => string | undefined | Promise<string | undefined>)
  /** A connection of the same user and device replaces the one before. By default each client is a device. */
  device?: string
  name?: string
  avatar?: string
  clock?: Partial<Clock>
}

export class Client {
  constructor(options: Options)

  readonly state: State
  /** Who the user is; undefined until the first connection is welcomed. */
  readonly user: User | undefined
  readonly limits: Limits | undefined
  /** Names the connection in the server's logs. */
  readonly session: string | undefined
  readonly rooms: ReadonlyMap<string, Room>
  readonly outbox: { readonly messages: readonly Outgoing[] }

  /** Listens, until the function that it returns is called. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void

  /** Goes online and stays so. Resolves when online, rejects when the client is closed. */
  connect(): Promise<User>
  close(): void
  /** Closes, and forgets the guest's token and what was not sent: for signing out. */
  forget(): void

  /** The app goes to the background. */
  suspend(): void
  /** The app comes back. */
  resume(): void
  /** The connection may have suffered: find out. */
  check(): void

  /** Resolves when the room is live; rejects when the user may not be in it. */
  join(room: string, place?: Place): Promise<Room>
  leave(room: string): Promise<unknown>

  /** Resolves when the server has recorded the message; rejects when it is refused for good. */
  send(room: string, body: Json, options?: { key?: string }): Promise<Outgoing>
  /** Sends a failed message again, as the newest. */
  retry(key: string): Promise<Outgoing>
  discard(key: string): void

  history(room: string, page?: { before?: number; after?: number; limit?: number }): Promise<Page>
  recall(room: string, seq: number): Promise<{ room: string; duplicate: boolean; seq?: number; at?: number }>
  read(room: string, seq: number): Promise<{ room: string; seq: number; unread: number }>
  /** May be called with each letter. */
  typing(room: string): void
  who(room: string): Promise<{ room: string; users: User[]; members: number }>
  renew(token: string): Promise<{ expires?: number }>
  /** Any other command, such as mute. It is not repeated if the connection is lost. */
  request(type: string, fields: { [name: string]: Json | undefined }): Promise<{ type: string; [name: string]: unknown }>
}

export class ChatError extends Error {
  readonly code: string
  readonly retry: Retry
  /** Which field was wrong. */
  readonly field?: string
}
