// What is not needed to draw messages, in one part.
export { copy, moderate, recall } from './acts.js'
export { alerts } from './alerts.js'
export { openMenu } from './menu.js'
export { moderationItems } from './moderation.js'
import './composer.js'
import './people.js'
import './settings.js'
