export { Client } from './client.js'
export { ChatError } from './error.js'
