// A page of happy-dom, and a server that the test plays, for the hooks of React and Vue.
import { Window } from 'happy-dom'
import { Fixture } from '../core/test/fixture.js'

const window = new Window({ url: 'http://localhost/' })
for (const name of ['window', 'document', 'navigator', 'Node', 'Element', 'HTMLElement', 'SVGElement', 'Event']) {
  Object.defineProperty(globalThis, name, { value: name === 'window' ? window : window[name], configurable: true, writable: true })
}

// Stage has the options of a client whose sockets and clock are the test's. The chat of
// the hook becomes that of the fixture, whose methods play the server.
export class Stage extends Fixture {
  get options() {
    return { url: 'wss://chat.test/chat', transport: (...args) => this.connect(...args), storage: this.storage, clock: this.clock }
  }
}

export const element = () => window.document.body.appendChild(window.document.createElement('div'))
