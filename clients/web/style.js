import { colours } from './colours.js'

// The layout of <caddy-chat>. Its colours are in colours.js.
export const sheet = new CSSStyleSheet()

sheet.replaceSync(`
:host {
  ${colours}
  color-scheme: light dark;
  display: block;
  height: 100%;
  min-height: 20rem;
  font: 1rem/1.45 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif;
  color: var(--ink);
  background: var(--paper);
}
* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
button, input, textarea { font: inherit; color: inherit; }
button { cursor: pointer; background: none; border: 1px solid var(--line); border-radius: .5rem; padding: .35rem .7rem; }
button[type=submit] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
input, textarea { width: 100%; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; padding: .45rem .6rem; }
h1 { font-size: 1.1rem; } h2 { font-size: 1rem; }
ul, ol { list-style: none; padding: 0; }

.sign-in { display: grid; gap: .8rem; max-width: 22rem; margin: 15vh auto; padding: 1.5rem; }

.layout { display: grid; grid-template-columns: 15rem 1fr; height: 100%; }
.layout:not(:has(> nav)) { grid-template-columns: 1fr; }
nav { display: flex; flex-direction: column; gap: .6rem; padding: .8rem; background: var(--shade); border-right: 1px solid var(--line); min-height: 0; }
nav ul { flex: 1; overflow-y: auto; display: grid; gap: .2rem; align-content: start; }
nav li { display: grid; grid-template-columns: 1fr auto; }
nav form { display: grid; grid-template-columns: 1fr auto; gap: .4rem; }
.room { display: flex; justify-content: space-between; gap: .5rem; border-color: transparent; text-align: start; overflow: hidden; }
.room span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.room[aria-current] { background: var(--paper); border-color: var(--line); font-weight: 600; }
.room b { background: var(--accent); color: var(--on-accent); border-radius: 1rem; padding: 0 .5rem; }
.leave { border-color: transparent; color: var(--soft); padding: .35rem .5rem; }

main { display: flex; flex-direction: column; min-width: 0; min-height: 0; }
header { display: flex; align-items: center; gap: .8rem; padding: .6rem .8rem; border-bottom: 1px solid var(--line); }
header h1 { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.back { display: none; }
.banner { display: flex; gap: 1rem; align-items: center; padding: .5rem .8rem; background: var(--shade); color: var(--warn); border-bottom: 1px solid var(--line); }
aside { max-height: 12rem; overflow-y: auto; padding: .6rem .8rem; background: var(--shade); border-bottom: 1px solid var(--line); }
.view { flex: 1; min-height: 0; }

.room-view { display: flex; flex-direction: column; height: 100%; }
.log { position: relative; flex: 1; min-height: 0; }
.scroller { height: 100%; overflow-y: auto; overflow-anchor: none; padding: .8rem; }
ol > li { display: flex; margin-bottom: .5rem; flex-wrap: wrap; }
ol > li.own { justify-content: flex-end; }
ol > li[data-unread]::before { content: attr(data-unread); flex-basis: 100%; text-align: center; color: var(--accent); border-bottom: 1px solid var(--accent); margin-bottom: .5rem; }
.bubble { max-width: min(34rem, 85%); padding: .4rem .7rem; border-radius: .8rem; background: var(--shade); }
.own .bubble { background: var(--mine); }
.name { font-weight: 600; font-size: .85rem; unicode-bidi: isolate; overflow-wrap: anywhere; }
.guest { font-size: .75rem; color: var(--soft); margin-inline-start: .4rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
.gone { font-style: italic; color: var(--soft); }
.bubble footer { display: flex; gap: .5rem; align-items: baseline; justify-content: flex-end; font-size: .75rem; color: var(--soft); }
.bubble button { padding: 0 .4rem; font-size: .75rem; }
.recall { opacity: 0; }
li:hover .recall, li:focus-within .recall { opacity: 1; }
@media (hover: none) { .recall { opacity: 1; } }
.failed .state { color: var(--warn); }
.notice { justify-content: center; }
.notice p { color: var(--soft); font-size: .9rem; text-align: center; overflow-wrap: anywhere; unicode-bidi: isolate; }
.newest { position: absolute; inset-inline-end: 1rem; bottom: .5rem; background: var(--paper); }
.typing, .note { padding: 0 .8rem; min-height: 1.3rem; font-size: .85rem; color: var(--soft); }
.note:empty { display: none; }
.room-view form { display: grid; grid-template-columns: 1fr auto; gap: .5rem; align-items: end; padding: .5rem .8rem .8rem; }
textarea { resize: none; max-height: 10rem; }

@media (max-width: 40rem) {
  .layout { grid-template-columns: 1fr; }
  .layout > nav { display: none; }
  .layout.listing > nav { display: flex; }
  .layout.listing > main { display: none; }
  .layout:has(> nav) .back { display: block; }
}
@media (prefers-reduced-motion: no-preference) { .recall { transition: opacity .15s; } }
`)
