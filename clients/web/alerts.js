/* global Notification, AudioContext */
import { remember, remembered } from './remembered.js'
import { textOf } from './text.js'

// Alerts tells of new messages while the chat is not looked at: with a notification of the
// browser and with a sound. Both are off until the user asks for them.
export const alerts = {
  get notifies() {
    return remembered('notify') === 'on' && 'Notification' in window && Notification.permission === 'granted'
  },

  get sounds() {
    return remembered('sound') === 'on'
  },

  // notify turns notifications on or off. It resolves to whether they are on.
  async notify(on) {
    if (on && !('Notification' in window && await Notification.requestPermission() === 'granted')) return false
    remember('notify', on ? 'on' : '')
    return on
  },

  sound(on) {
    remember('sound', on ? 'on' : '')
    if (on) beep()
  },

  // tell tells of a message of somebody with that name, in the room with that title. opened is
  // called when the user clicks on the notification.
  tell(message, name, title, opened) {
    if (this.sounds) beep()
    if (!this.notifies) return
    try {
      const note = new Notification(`${name} · ${title}`, { body: textOf(message.body).slice(0, 200), tag: `caddy-chat ${message.room}` })
      note.onclick = () => {
        window.focus()
        note.close()
        opened()
      }
    } catch {
      // Chrome on Android has no notifications of pages.
    }
  },
}

// alert tells of a message while the chat is not looked at.
export function alert(element, message, title) {
  if (element.isShown && document.hasFocus()) return
  alerts.tell(message, element.words.name(message.from), title, () => {
    element.setOpen(true)
    element.open(message.room)
  })
}

let audio

function beep() {
  try {
    audio ??= new AudioContext()
    for (const [pitch, at] of [[880, 0], [1175, 0.12]]) {
      const tone = audio.createOscillator()
      const volume = audio.createGain()
      const start = audio.currentTime + at
      tone.frequency.value = pitch
      volume.gain.setValueAtTime(0.08, start)
      volume.gain.exponentialRampToValueAtTime(0.001, start + 0.25)
      tone.connect(volume).connect(audio.destination)
      tone.start(start)
      tone.stop(start + 0.25)
    }
  } catch {
    // There is no sound here.
  }
}
