import { html } from 'lit'
import { hue, initials, pictureOf } from './text.js'

const broken = new Set() // addresses of pictures that did not load

// avatar draws the picture of a user, or the initials where there is none. redraw is
// called if the picture does not load.
export function avatar(user, redraw) {
  const picture = pictureOf(user)
  if (!picture || broken.has(picture)) return html`<span class="avatar hue${hue(user)}" data-initials=${initials(user)}></span>`
  const failed = () => {
    broken.add(picture)
    redraw()
  }
  return html`<img class="avatar" src=${picture} alt="" referrerpolicy="no-referrer" loading="lazy" decoding="async" @error=${failed}>`
}
