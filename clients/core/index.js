export { Client } from './client.js'
export { ChatError } from './outcome.js'
