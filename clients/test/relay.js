// A network between browsers and the server that a test can cut.
import { once } from 'node:events'
import net from 'node:net'

// Relay passes bytes on to a port of this machine. Its own port is in port.
export class Relay {
  static async open(t, to) {
    const relay = new Relay()
    relay.pairs = new Set()
    relay.server = net.createServer((near) => {
      const pair = [near, net.connect(to, 'localhost')]
      const end = () => {
        pair.forEach((socket) => socket.destroy())
        relay.pairs.delete(pair)
      }
      for (const socket of pair) socket.on('error', end).on('close', end)
      relay.pairs.add(pair)
      if (!relay.silent) pair[0].pipe(pair[1]).pipe(pair[0])
    }).listen(0, 'localhost')
    await once(relay.server, 'listening')
    relay.port = relay.server.address().port
    t.after(() => {
      relay.rise()
      relay.server.close()
    })
    return relay
  }

  // fall makes the network silent: nobody is told, and nothing arrives any more.
  fall() {
    this.silent = true
    for (const sockets of this.pairs) for (const socket of sockets) socket.unpipe()
  }

  // rise lets new connections through. Those of before are lost.
  rise() {
    this.silent = false
    for (const [near] of this.pairs) near.destroy()
  }
}
