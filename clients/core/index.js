// What the package exports. Files import in one direction only: a file of this
// list imports nothing but files above it (test/imports.test.js checks that).
//
//	emitter.js                event listeners
//	encode.js                 JSON, sizes in bytes, random keys
//	timer.js                  one timer, and the clock that it uses
//	error.js                  ChatError
//	deferred.js               a promise with resolve and reject
//	store.js                  the storage of the platform
//	link.js                   one connection: commands, answers, pings
//	outbox.js                 messages that are not sent yet
//	rooms.js                  the rooms of the user: joining, resuming
//	list.js                   the list of the user's conversations
//	connection.js             connecting, reconnecting, the token
//	client.js                 Client: every command, the clock of the server
//	timeline.js               Timeline: the list of a room's messages
//	observe.js                a client or a room as one value, for React and Vue
//	platforms/websocket.js    the transport of a standard WebSocket
//	platforms/sockettask.js   transport, storage and signals of a mini program
//	browser.js                a platform each, from here on
//	node.js
//	taro.js
//	uniapp.js
//	wechat.js
//	index.js
export { Client } from './client.js'
export { ChatError } from './error.js'
