import type { Client, List } from './index.js'

/**
 * What the option list of a Client takes: the list of the user's conversations is opened with each connection. limit is how
 * many rows a page has, 50 unless it is said, 200 at most.
 */
export function list(options?: { limit?: number }): (chat: Client<any>) => List<any>
