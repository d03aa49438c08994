import type { Client, Options, Platform } from 'caddy-chat-client'
import type { ClientValue, ListValue, RoomValue } from 'caddy-chat-client/observe'

/** The platform is that of a web page unless another one is given. */
export type ChatOptions = Omit<Options, keyof Platform> & Partial<Platform>

/**
 * A client that is connected while the component is mounted. Another url, device or token makes another client; another
 * name or avatar is told to the server over a new connection.
 */
export function useChat<Body = { text: string }>(options: ChatOptions): ClientValue & { readonly chat: Client<Body> }

/** A room, joined while a component shows it. Components that show the same room of a client share one list. */
export function useRoom<Body>(chat: Client<Body>, room: string): RoomValue<Body>

/** The list of the user's conversations. The options of the client have list: list(). */
export function useList<Body>(chat: Client<Body>): ListValue<Body>
