/** Any JSON value. The type of a body is a promise of the app: the server passes on any JSON value, and raw clients say strings. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** How many milliseconds to wait before trying again, or false: never. */
export type Retry = number | false

export type State =
  /** No connection: connect was not called yet, or the client waits for its next attempt. */
  | 'offline'
  /** A connection is being opened. */
  | 'connecting'
  | 'online'
  /** The app is in the background. */
  | 'suspended'
  /** No connection, and no attempt until connect is called. */
  | 'closed'

export interface User {
  id: string
  name: string
  avatar?: string
  /** The name is not verified. */
  guest?: true
}

export interface Limits {
  message: number
  text: number
  page: number
  rooms: number
  recall: number
}

/** What a member of a conversation may do, as its policy says. There is one owner. */
export type Role = 'member' | 'admin' | 'owner'

/** What a conversation is called. */
export interface Info {
  title?: string
  avatar?: string
  about?: string
  /** Nobody may write any more. */
  closed?: boolean
}

/** A room that the user is in, or wants to be in. */
export interface Room {
  readonly room: string
  /** Identifies the numbering of the entries; undefined until the server has sent it. */
  readonly epoch: string | undefined
  /** The last entry that was emitted. */
  readonly seq: number
  /** Whether new entries arrive as they are recorded. */
  readonly live: boolean
  /** How many users are present; undefined if the room does not show it. */
  readonly members: number | undefined
  /** The user's read mark. To send is to read: a message of the user's own moves it. */
  readonly read: number
  /** How many messages and notices follow it. Recalls, quiet messages and what the user has just sent do not count. */
  readonly unread: number
  /** The user may send. */
  readonly write: boolean
  /** The user may recall anybody's messages, mute, kick and ban. */
  readonly moderate: boolean
  // The rest only conversations have.
  readonly title?: string
  readonly avatar?: string
  readonly about?: string
  readonly closed?: boolean
  /** The user's; none if others than members may read the room, and the user is no member. */
  readonly role?: Role | 'none'
  /** How many members there are, present or not. */
  readonly size?: number
  /** The other one of a conversation of two. */
  readonly with?: User
  /** The messages that moderators have pinned, in ascending order. */
  readonly pins?: readonly number[]
}

/** A conversation in the list of the user. A row is never modified; a new one replaces it. */
export interface Row<Body = { text: string }> {
  readonly room: string
  readonly title?: string
  readonly avatar?: string
  readonly closed?: boolean
  readonly size: number
  readonly epoch: string
  /** The newest entry of the room. */
  readonly last: number
  /** When the newest message was said, or when the user came. */
  readonly at: number
  /** How many messages and notices the room has had. */
  readonly count: number
  /** The newest message or notice, if the user may see it. */
  readonly entry?: Message<Body> | Notice
  /** The body of entry is only the beginning of its text, and its type. */
  readonly cut?: true
  readonly role: Role
  /** The other one of a conversation of two, which has no title. */
  readonly with?: User
  readonly read: number
  readonly unread: number
  /** The newest unread message that mentions the user. */
  readonly mention?: number
  /** The row counts for the sum of what is unread. */
  readonly notify: boolean
  readonly top: boolean
  readonly hidden?: true
}

/** The conversations of the user. Listen to the event list to draw it. */
export interface List<Body = { text: string }> {
  /** Those with top first, then the newest. The same array as long as nothing changes. */
  readonly rows: readonly Row<Body>[]
  /** Those that the user has hidden, until something is said there, as far as they are known. */
  readonly hidden: readonly Row<Body>[]
  /**
   * What is unread in all conversations with notify that are not hidden. Until the list is complete, those that are not
   * loaded count as when the list was opened.
   */
  readonly unread: number
  /** All rows are loaded. */
  readonly complete: boolean
  /** The server tells of every change at once; otherwise the newest rows are asked for each minute. */
  readonly live: boolean
  get(room: string): Row<Body> | undefined
  /** Loads the next page and resolves to the number of rows that it added. */
  more(): Promise<number>
}

/** From where to resume a room, for an app that stores entries itself. */
export interface Place {
  epoch: string
  after: number
}

/** What the client adds to the entries that it emits; those of history lack it. */
interface Told {
  /**
   * Whether the entry was recorded after the client joined the room. It is true also if the entry arrives late, after a
   * reconnect, and false for the entries with which a room begins. With a Place the room begins there. A bot answers only live messages.
   */
  live?: boolean
}

interface Said extends Told {
  type: 'message'
  room: string
  seq: number
  at: number
  from: User
  key?: string
  /** The seq of the entry that it answers. */
  reply?: number
  /** The ids of users whom it names; ['*'] is everybody. */
  mentions?: string[]
  /** Nobody counts it as unread. */
  quiet?: true
  /** The seq of its newest edit. body is what that said. */
  edited?: number
  /** In pages of history. */
  tags?: Tag[]
}

/**
 * A reaction: so many users have it, the user among them if mine. some are ids of those who are known: up to three of the server's,
 * and in a Timeline also who came since. A shared tag has a value.
 */
export interface Tag {
  tag: string
  users?: number
  mine?: boolean
  some?: string[]
  value?: Json
}

/** What a user said. A recalled message has no body. */
export type Message<Body = { text: string }> = Said & ({ body: Body; recalled?: undefined } | { body?: undefined; recalled: true })

export interface Recalled extends Told {
  type: 'recalled'
  room: string
  seq: number
  at: number
  /** Missing if the server's operator recalled the message. */
  from?: User
  /** The seq of the message that was recalled. */
  target: number
}

export interface Notice extends Told {
  type: 'notice'
  room: string
  seq: number
  at: number
  body: Json
}

/** A message was corrected. */
export interface Edited<Body = { text: string }> extends Told {
  type: 'edited'
  room: string
  seq: number
  at: number
  from: User
  target: number
  /** Missing if the message was recalled, is no longer kept, or is not shown to the user. */
  body?: Body
}

/** A reaction was added or, with false, removed; or, with shared, a mark of the room's moderators. */
export interface Tagged extends Told {
  type: 'tagged'
  room: string
  seq: number
  at: number
  from: User
  target: number
  /** Missing, like value and shared, if the user is not shown the message. */
  tag?: string
  value?: Json
  shared?: true
}

/** Users have got a role, or with none have left or were removed. */
export interface MemberEntry extends Told {
  type: 'member'
  room: string
  seq: number
  at: number
  from: User
  users: User[]
  role: Role | 'none'
  /** At the founding, and when an owner has left: who is the owner now. */
  owner?: User
  title?: string
  avatar?: string
  about?: string
}

/** What the conversation is called now. */
export interface InfoEntry extends Told, Info {
  type: 'info'
  room: string
  seq: number
  at: number
  from: User
}

export type Entry<Body = { text: string }> = Message<Body> | Recalled | Notice | MemberEntry | InfoEntry | Edited<Body> | Tagged

/** A batch of a room's history. */
export interface Page<Body = { text: string }> {
  room: string
  epoch: string
  entries: Entry<Body>[]
  more: boolean
}

/** What a message says of itself beside its body. */
export interface SendOptions {
  key?: string
  /** The seq of the entry that it answers. */
  reply?: number
  /** The ids of up to 50 users whom it names; ['*'] is everybody, which moderators may. */
  mentions?: string[]
  /** Nobody counts it as unread. */
  quiet?: boolean
}

/** A message of the user, as the outbox knows it. */
export interface Outgoing<Body = { text: string }> extends SendOptions {
  room: string
  key: string
  body: Body
  /** When send was called, by Client.now; once sent, when the server recorded it. */
  at: number
  state: 'sending' | 'sent' | 'failed' | 'discarded'
  /** Its seq, once it is sent. */
  seq?: number
  /** Why it failed. */
  code?: string
}

/** duplicate: it was so before, and no entry was made. */
export interface Changed {
  room: string
  duplicate: boolean
  seq?: number
  at?: number
}

export interface StateChange {
  state: State
  /** The reason, if the state is closed or offline: a code of PROTOCOL.md, or lost, dead, no_protocol, bad_answer or closed. */
  code?: string
  message?: string
  /** Milliseconds until the next attempt. */
  retry?: Retry
}

/** The events, by the name to pass to Client.on. */
export interface Events<Body = { text: string }> {
  state: StateChange
  message: Message<Body>
  recalled: Recalled
  notice: Notice
  edited: Edited<Body>
  tagged: Tagged
  member: MemberEntry
  info: InfoEntry
  /** The list has changed in any way. */
  list: List<Body>
  /** A row has changed, is new or is gone. */
  row: Row<Body> | { room: string; gone: true }
  /** Something was said in a conversation of the list, or what its members share has changed: its row now. */
  head: Row<Body>
  /** All earlier entries were emitted; from now on entries arrive as they are recorded. */
  room: Room
  /** Entries are missing: discard what was emitted for the room before. Its newest entries follow. */
  gap: { room: string; epoch: string }
  /** The server refused the room or removed the user from it. With a retry the client joins again by itself. */
  removed: { room: string; code: string; message: string; retry: Retry }
  outbox: Outgoing<Body>
  presence: { room: string; joined: User[]; left: User[]; members: number }
  typing: { room: string; from: User }
  /** This user was erased: what is shown of the room must not have their name and their picture any more. A Timeline sees to it. */
  erased: { room: string; user: string }
  read: { room: string; seq: number; unread: number }
  muted: { room?: string; for?: number }
  expiring: { expires: number }
  /** An error that rejects no promise. The README lists the codes; those of the storage, of unreachable and of bad_answer come once. */
  error: ChatError
}

/** The events of a transport. It must return the socket before it calls any of them. */
export interface TransportEvents {
  /**
   * With the subprotocol that the server agreed on; without chat.v1 the client says nothing, and tries again later. A
   * platform that cannot tell passes undefined: then the client finds out, and does not say the token before.
   */
  open(protocol: string | undefined): void
  message(text: string): void
  /** Both error and close end the connection. The client passes on what the cause says, as errMsg or message. */
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

/** What a platform provides. */
export interface Platform {
  transport: Transport
  storage?: Storage
  /** Calls suspend, resume and check on signals of the platform, if it has them. The function that it returns stops that. */
  watch?(chat: Client<any>): () => void
}

/** The time and random numbers, for tests. */
export interface Clock {
  now(): number
  /** Milliseconds from any beginning, which no change of the device's clock moves. By default that of performance.now, or now if that is given. */
  monotonic(): number
  setTimeout(run: () => void, delay: number): unknown
  clearTimeout(handle: any): void
  random(): number
}

export interface Options extends Platform {
  /** ws:// or wss://, without a token in it. */
  url: string
  /**
   * The token, or a function that returns one. The function is called without an argument if there is no token yet, and
   * with expired, bad_token or expiring if the last token must be replaced. Without a token the user is a guest, and stays
   * the same guest.
   */
  token?: string | ((why?: string) => string | undefined | Promise<string | undefined>)
  /** A new connection of the same user and device replaces the old one. By default each Client is a device of its own. */
  device?: string
  name?: string
  avatar?: string
  /** list() of caddy-chat-client/list: the client has the list of the user's conversations. */
  list?: (chat: Client<any>) => List<any>
  clock?: Partial<Clock>
}

/** Body is what the app says: Client<{ text: string; image?: string }>, or Client<Json> for anything. */
export class Client<Body = { text: string }> {
  /** Throws a TypeError if the url or the platform can never work. */
  constructor(options: Options)

  readonly state: State
  /** Who the user is; undefined until the first connection is welcomed. */
  readonly user: User | undefined
  readonly limits: Limits | undefined
  /** The name of the connection in the server's logs. */
  readonly session: string | undefined
  /** The time by the server's clock, to compare with the at of entries; until the first welcome by that of the device. */
  now(): number
  readonly rooms: ReadonlyMap<string, Room>
  readonly outbox: { readonly messages: readonly Outgoing<Body>[] }
  /** Only with the option list. */
  readonly list: List<Body> | undefined

  /** Adds a listener. The function that it returns removes it. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events<Body>[Name]) => void): () => void

  /** Goes online and stays online. Resolves when online, rejects when the client is closed. */
  connect(): Promise<User>
  close(): void
  /** Signs out: closes the client, and deletes the guest's token and the messages that were not sent. */
  forget(): void

  /** To be called when the app goes to the background. */
  suspend(): void
  /** To be called when the app comes back to the foreground. */
  resume(): void
  /** To be called when the connection may be broken: checks it, and replaces it if need be. */
  check(): void

  /** Resolves when the room is live; rejects if the user may not be in it. */
  join(room: string, place?: Place): Promise<Room>
  leave(room: string): Promise<unknown>

  /** Resolves when the server has recorded the message; rejects if it is refused for good. */
  send(room: string, body: Body, options?: SendOptions): Promise<Outgoing<Body>>
  /** Sends a failed message again, as the newest. */
  retry(key: string): Promise<Outgoing<Body>>
  discard(key: string): void

  history(room: string, range?: { before?: number; after?: number; limit?: number }): Promise<Page<Body>>
  /** Replaces the body of the user's own message, for as long as the server permits. */
  edit(room: string, seq: number, body: Body): Promise<Changed>
  /** Adds a reaction, or removes it with false. With shared it belongs to the message: moderators set it, such as pin, and its value is any JSON. */
  tag(room: string, seq: number, tag: string, value?: Json, shared?: boolean): Promise<Changed>
  recall(room: string, seq: number): Promise<Changed>
  read(room: string, seq: number): Promise<{ room: string; seq: number; unread: number }>
  /** May be called with every key press. */
  typing(room: string): void
  who(room: string): Promise<{ room: string; users: User[]; members: number }>
  renew(token: string): Promise<{ expires?: number }>

  /**
   * Forbids a user to write, for so many milliseconds or, without a number, for good; 0 lifts that. For moderators. With null
   * instead of a room: everywhere.
   */
  mute(room: string | null, user: string, duration?: number): Promise<{ room?: string }>
  /** Removes a user from the room; they may come back. With null instead of a room all their connections end. */
  kick(room: string | null, user: string): Promise<{ room?: string }>
  /** Removes a user from the room and does not let them come back. Otherwise as mute. */
  ban(room: string | null, user: string, duration?: number): Promise<{ room?: string }>

  /** Founds a group, of which the user is the owner. The same key means the same room; without one it is random. */
  create(group?: { key?: string; pattern?: string; title?: string; avatar?: string; about?: string; users?: string[] }): Promise<{ room: string; duplicate: boolean }>
  /** The conversation of two, with a user's id. It is in the list of both once something is said in it. */
  direct(user: string): Promise<{ room: string; duplicate: boolean }>
  /** Who belongs to a conversation, by id; after is the id with which the last page ended. */
  members(room: string, range?: { after?: string; limit?: number }): Promise<{ users: { user: User; role: Role; since: number }[]; size: number; more: boolean }>
  /** Adds users, changes their role or, with none, removes them. */
  member(room: string, users: string | string[], role: Role | 'none'): Promise<Changed>
  /** Ends the user's own membership. leave only stops the messages. */
  quit(room: string): Promise<Changed>
  /** Changes what a conversation is called. An empty text removes, and what is missing stays. */
  info(room: string, info: Info): Promise<Changed>
  /** How the user has a conversation in the list. clear removes what was said until now, for this user and for good. */
  set(room: string, row: { notify?: boolean; top?: boolean; hide?: boolean; clear?: true }): Promise<{ room: string }>

  /** Changes what the user wants to be called, over a new connection. Commands without an answer fail with lost; messages do not. */
  introduce(who: { name?: string; avatar?: string }): void

  /** Any other command. It is not repeated if the connection is lost or the server is uncertain. */
  request(type: string, fields: { [name: string]: Json | undefined }): Promise<{ type: string; [name: string]: unknown }>
}

export class ChatError extends Error {
  readonly code: string
  readonly retry: Retry
  /** The field that the refusal is about. */
  readonly field?: string
  /** The command may have been carried out all the same: tell the user so, and do not repeat it unseen. */
  readonly uncertain: boolean
}
