// Made of clients/core by `make page`.
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// <stdin>
var stdin_exports = {};
__export(stdin_exports, {
  ChatError: () => ChatError,
  Client: () => Client,
  Timeline: () => Timeline,
  wechat: () => wechat
});
module.exports = __toCommonJS(stdin_exports);

// core/emitter.js
var Emitter = class {
  constructor() {
    this.listeners = /* @__PURE__ */ new Map();
  }
  // on calls listener at each event of a type, until the function that it
  // returns is called.
  on(type, listener) {
    if (!this.listeners.has(type)) this.listeners.set(type, /* @__PURE__ */ new Set());
    this.listeners.get(type).add(listener);
    return () => this.listeners.get(type).delete(listener);
  }
  // emit calls the listeners. One that throws stops neither the others nor the
  // client: its error surfaces as an unhandled rejection.
  emit(type, event) {
    var _a;
    for (const listener of [...(_a = this.listeners.get(type)) != null ? _a : []]) {
      try {
        listener(event);
      } catch (err) {
        Promise.reject(err);
      }
    }
  }
};

// core/encode.js
function encode(frame) {
  return JSON.stringify(frame).replace(/\\(ud[89a-f]..|.)/g, (escape) => escape.length > 2 ? "�" : escape);
}
function exceeds(text, limit) {
  if (text.length * 3 <= limit) return false;
  return encodeURIComponent(text).replace(/%../g, ".").length > limit;
}
function randomKey(random) {
  let key = "";
  while (key.length < 25) key += Math.floor(random() * 36 ** 5).toString(36).padStart(5, "0");
  return key;
}

// core/timer.js
var system = {
  now: () => Date.now(),
  setTimeout: (run, delay) => setTimeout(run, delay),
  clearTimeout: (handle) => clearTimeout(handle),
  random: () => Math.random()
};
var lateness = 5e3;
var longest = 2 ** 31 - 1;
var Timer = class {
  constructor(clock) {
    this.clock = clock;
  }
  // set calls run(late) after delay milliseconds; late tells of a suspension.
  set(delay, run) {
    this.clear();
    const wait = Math.min(delay, longest);
    const due = this.clock.now() + wait;
    this.handle = this.clock.setTimeout(() => {
      this.handle = void 0;
      run(this.clock.now() - due > lateness);
    }, wait);
  }
  clear() {
    this.clock.clearTimeout(this.handle);
    this.handle = void 0;
  }
};

// core/link.js
var openWithin = 2e4;
var answerWithin = 1e4;
var probeWithin = 3e3;
var lost = { code: "lost", message: "the connection was lost", retry: 0 };
var dead = { code: "dead", message: "the server does not answer", retry: 0 };
var Link = class {
  // on is told: open, frame (one that answers nothing), alive (a probe has
  // succeeded), end (once, with the reason).
  constructor(clock, on) {
    this.clock = clock;
    this.on = on;
    this.since = clock.now();
    this.asked = /* @__PURE__ */ new Map();
    this.lastId = 0;
    this.limit = Infinity;
    this.interval = 0;
    this.pinged = false;
    this.probing = false;
    this.resting = false;
    this.over = false;
    this.pulse = new Timer(clock);
    this.pulse.set(openWithin, () => this.end(dead));
  }
  get welcomed() {
    return this.interval > 0 && !this.over;
  }
  open(transport, url) {
    if (this.over) return;
    const unlessOver = (hear) => (what) => {
      if (!this.over) hear(what);
    };
    try {
      this.socket = transport(url, ["chat.v1"], {
        open: unlessOver(() => {
          this.awaitAnswer();
          this.on.open();
        }),
        message: unlessOver((text) => this.hear(text)),
        error: unlessOver(() => this.end(lost)),
        close: unlessOver(() => this.end(lost))
      });
    } catch (e) {
      this.end(lost);
    }
    if (this.over) this.hangUp();
  }
  // welcome begins the heartbeat.
  welcome({ ping, limits }) {
    this.interval = ping;
    this.limit = limits.message;
    this.pulse.clear();
    this.beat();
  }
  // ask says a command and calls settle(answer) once: with the server's answer,
  // or with the error lost.
  ask(type, fields, settle) {
    const id = String(++this.lastId);
    const text = encode({ type, id, ...fields });
    if (exceeds(text, this.limit)) {
      return settle({ type: "error", code: "too_large", message: `the frame has more than ${this.limit} bytes`, retry: false });
    }
    this.asked.set(id, settle);
    this.say(text);
  }
  // tell says a command that needs no answer.
  tell(type, fields) {
    this.say(encode({ type, ...fields }));
  }
  say(text) {
    if (this.over) return;
    try {
      this.socket.send(text);
    } catch (e) {
      return this.end(lost);
    }
    if (!this.pinged) this.beat();
  }
  hear(text) {
    const frame = parse(text);
    if (this.pinged) {
      this.pinged = false;
      this.beat();
    }
    if ((frame == null ? void 0 : frame.id) === void 0) {
      if (frame) this.on.frame(frame);
      return;
    }
    const settle = this.asked.get(frame.id);
    this.asked.delete(frame.id);
    settle == null ? void 0 : settle(frame);
  }
  awaitAnswer() {
    this.pulse.set(answerWithin, (late) => late && this.welcomed ? this.probe() : this.end(dead));
  }
  // beat sets the next ping, an interval after the last thing that we said.
  beat() {
    if (!this.welcomed || this.probing || this.resting) return;
    this.pulse.set(this.interval, (late) => {
      if (late) return this.probe();
      this.pinged = true;
      this.awaitAnswer();
      this.tell("ping");
    });
  }
  // probe finds out whether the connection still stands. What was received
  // before says nothing of that, so only the answer counts. A deadline that
  // runs late says nothing either, once.
  probe(again = false) {
    if (this.probing && !again) return;
    this.pinged = this.resting = false;
    this.probing = true;
    this.pulse.set(probeWithin, (late) => late && !again ? this.probe(true) : this.end(dead));
    this.ask("ping", {}, ({ code }) => {
      if (!this.probing || code === lost.code) return;
      this.probing = false;
      this.beat();
      this.on.alive();
    });
  }
  // rest stops the heartbeat; probe starts it again.
  rest() {
    this.resting = true;
    this.probing = this.pinged = false;
    this.pulse.clear();
  }
  end(reason) {
    if (this.over) return;
    this.over = true;
    this.pulse.clear();
    this.hangUp();
    for (const settle of this.asked.values()) settle({ type: "error", ...lost });
    this.asked.clear();
    this.on.end(reason);
  }
  hangUp() {
    var _a;
    try {
      (_a = this.socket) == null ? void 0 : _a.close();
    } catch (e) {
    }
  }
};
function parse(text) {
  try {
    const frame = JSON.parse(text);
    return frame !== null && typeof frame === "object" ? frame : void 0;
  } catch (e) {
    return void 0;
  }
}

// core/outcome.js
var ChatError = class extends Error {
  constructor({ code, message, retry = false, field }) {
    super(message != null ? message : code);
    this.name = "ChatError";
    this.code = code;
    this.retry = retry;
    this.field = field;
  }
};
var Outcome = class {
  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = (refusal) => reject(new ChatError(refusal));
    });
    this.promise.catch(() => {
    });
  }
};
function refused(refusal) {
  const outcome = new Outcome();
  outcome.reject(refusal);
  return outcome.promise;
}

// core/outbox.js
var most = 500;
var mostText = 3e5;
var Outbox = class {
  constructor(chat) {
    this.chat = chat;
    this.messages = [];
    this.outcomes = /* @__PURE__ */ new Map();
    this.flying = /* @__PURE__ */ new Map();
    this.held = /* @__PURE__ */ new Map();
    this.load();
  }
  send(room, body, key = randomKey(this.chat.clock.random)) {
    var _a;
    if (!this.chat.rooms.has(room)) {
      return refused({ code: "not_joined", message: `join ${room} first` });
    }
    const message = { room, key, body: JSON.parse(JSON.stringify(body)), at: this.chat.clock.now(), user: (_a = this.chat.user) == null ? void 0 : _a.id };
    const waiting = this.messages.length;
    if (waiting === most || waiting > 0 && JSON.stringify([...this.messages, message]).length > mostText) {
      return refused({ code: "outbox_full", message: `${waiting} messages wait already` });
    }
    this.messages.push(message);
    return this.enqueue(message);
  }
  // retry says a failed message again, as the newest.
  retry(key) {
    const i = this.messages.findIndex((message2) => message2.key === key && message2.state === "failed");
    if (i < 0) return refused({ code: "not_found", message: "no such message has failed" });
    const [message] = this.messages.splice(i, 1);
    this.messages.push(message);
    return this.enqueue(message);
  }
  enqueue(message) {
    const outcome = new Outcome();
    this.outcomes.set(message.key, outcome);
    this.become(message, { state: "sending", code: void 0 });
    this.flush(message.room);
    return outcome.promise;
  }
  // discard forgets a message. One that is under way may be said all the same.
  discard(key) {
    const message = this.messages.find((message2) => message2.key === key);
    if (message) this.settle(message, { state: "discarded", code: "discarded" });
  }
  // flush sends what is next in a room.
  flush(name) {
    var _a;
    const { link } = this.chat;
    if (!(link == null ? void 0 : link.welcomed) || !((_a = this.chat.rooms.get(name)) == null ? void 0 : _a.entered)) return;
    if (this.flying.has(name) || this.held.has(name)) return;
    const message = this.messages.find(({ room, state }) => room === name && state === "sending");
    if (!message) return;
    const { key, body } = message;
    this.flying.set(name, message);
    link.ask("send", { room: name, key, body }, (answer) => {
      var _a2;
      if (answer.code === lost.code || this.flying.get(name) !== message) return;
      this.flying.delete(name);
      if (answer.type === "ok") this.settle(message, { state: "sent", seq: answer.seq, at: answer.at });
      else if (answer.code === "not_joined" && !((_a2 = this.chat.rooms.get(name)) == null ? void 0 : _a2.entered)) return;
      else if (answer.retry === false) this.settle(message, { state: "failed", code: answer.code }, answer);
      else this.hold(name, answer.retry);
      this.flush(name);
    });
  }
  hold(name, delay) {
    const timer = new Timer(this.chat.clock);
    this.held.set(name, timer);
    timer.set(delay, () => this.release(name));
  }
  // release lets a room's messages go that were told to wait.
  release(name) {
    var _a;
    (_a = this.held.get(name)) == null ? void 0 : _a.clear();
    this.held.delete(name);
    this.flush(name);
  }
  releaseAll() {
    for (const name of [...this.held.keys()]) this.release(name);
  }
  // recognize finds the user's own message in what a room says, which may come
  // before its answer, or in its place.
  recognize({ room, key, from, seq, at }) {
    var _a;
    if (!key || (from == null ? void 0 : from.id) !== ((_a = this.chat.user) == null ? void 0 : _a.id)) return;
    const message = this.messages.find((message2) => message2.key === key && message2.room === room);
    if (!message) return;
    this.settle(message, { state: "sent", seq, at });
    this.flush(room);
  }
  // giveUp fails what waits for a room that the user can't be in.
  giveUp(name, refusal) {
    for (const message of this.messages.filter(({ room, state }) => room === name && state === "sending")) {
      this.settle(message, { state: "failed", code: refusal.code }, refusal);
    }
  }
  // claim fails what another user has left behind: nobody speaks for another.
  claim(user) {
    var _a;
    for (const message of [...this.messages]) {
      (_a = message.user) != null ? _a : message.user = user;
      if (message.user === user) continue;
      const refusal = { code: "other_user", message: "another user has said this" };
      this.settle(message, { state: "failed", code: refusal.code }, refusal);
    }
  }
  // settle ends the sending of a message; only a failed one is kept.
  settle(message, change, refusal = change) {
    if (this.flying.get(message.room) === message) this.flying.delete(message.room);
    if (change.state !== "failed") this.messages.splice(this.messages.indexOf(message), 1);
    const outcome = this.outcomes.get(message.key);
    this.outcomes.delete(message.key);
    this.become(message, change);
    if (change.state === "sent") outcome == null ? void 0 : outcome.resolve({ ...message });
    else outcome == null ? void 0 : outcome.reject(refusal);
  }
  become(message, change) {
    Object.assign(message, change);
    this.store();
    this.chat.emit("outbox", { ...message });
  }
  // lost is called when a connection is over. What was under way is sent again
  // over the next.
  lost() {
    this.flying.clear();
  }
  clear() {
    for (const { key } of [...this.messages]) this.discard(key);
  }
  load() {
    const text = this.chat.store.get("outbox");
    if (!text) return;
    try {
      this.messages = [...JSON.parse(text)];
    } catch (cause) {
      this.chat.storageFailed(cause);
    }
  }
  store() {
    this.chat.store.set("outbox", this.messages.length ? JSON.stringify(this.messages) : "");
  }
};

// core/rooms.js
var most2 = 1e3;
var Room = class {
  constructor(room, { epoch, after = 0 }, clock) {
    this.room = room;
    this.epoch = epoch;
    this.seq = after;
    this.entered = false;
    this.live = false;
    this.asking = false;
    this.joined = [];
    this.again = new Timer(clock);
    this.read = this.unread = 0;
    this.write = this.moderate = false;
  }
  // place is what hello and join say of the room.
  get place() {
    return this.epoch === void 0 ? { room: this.room } : { room: this.room, epoch: this.epoch, after: this.seq };
  }
};
var Rooms = class {
  constructor(chat) {
    this.chat = chat;
    this.byName = /* @__PURE__ */ new Map();
  }
  join(name, place = {}) {
    let room = this.byName.get(name);
    if (!room) {
      if (this.byName.size === most2) {
        return refused({ code: "too_many_rooms", message: `a client can be in ${most2} rooms` });
      }
      room = new Room(name, place, this.chat.clock);
      this.byName.set(name, room);
    }
    const outcome = new Outcome();
    if (room.live) {
      outcome.resolve(room);
    } else {
      room.joined.push(outcome);
      if (!room.entered) this.ask(room);
    }
    return outcome.promise;
  }
  leave(name) {
    const room = this.byName.get(name);
    if (room) {
      this.forget(room, { code: "left", message: "the room was left" });
      if (room.entered || room.asking) return this.chat.request("leave", { room: name });
    }
    return Promise.resolve();
  }
  // places is what hello names.
  places() {
    return [...this.byName.values()].map((room) => room.place);
  }
  // ask joins the room, or asks for what is missing of it.
  ask(room) {
    const { link } = this.chat;
    if (!(link == null ? void 0 : link.welcomed) || room.asking) return;
    room.asking = true;
    room.again.clear();
    link.ask("join", room.place, (answer) => {
      if (answer.code === lost.code || !this.has(room)) return;
      room.asking = false;
      if (answer.type === "joined") this.enter(room, answer);
      else this.turnedAway(room, answer);
    });
  }
  // welcome takes the answers to the rooms of hello, and joins those that came
  // too late for it.
  welcome(link, states) {
    for (const state of states) {
      if (this.chat.link !== link) return;
      const room = this.byName.get(state.room);
      if (!room) {
        if (!state.code) link.tell("leave", { room: state.room });
      } else if (state.code) {
        this.turnedAway(room, state);
      } else {
        this.enter(room, state);
      }
    }
    for (const room of [...this.byName.values()]) {
      if (!room.entered && !room.again.handle) this.ask(room);
    }
  }
  // enter takes a room's state: its entries, then what is said of the room.
  enter(room, state) {
    const { chat } = this;
    const { link } = chat;
    const gap = state.gap || room.epoch !== void 0 && room.epoch !== state.epoch;
    if (gap || room.epoch === void 0) {
      room.epoch = state.epoch;
      room.seq = state.entries.length ? state.entries[0].seq - 1 : state.last;
    }
    room.entered = true;
    room.live = false;
    for (const name of ["members", "read", "unread", "write", "moderate"]) room[name] = state[name];
    if (gap) chat.emit("gap", { room: room.room, epoch: room.epoch });
    const current = () => chat.link === link && this.has(room) && room.entered;
    for (const entry of state.entries) {
      if (!current()) return;
      this.take(room, entry);
    }
    if (!current()) return;
    if (state.more) {
      this.ask(room);
    } else if (!room.asking) {
      room.live = true;
      for (const outcome of room.joined.splice(0)) outcome.resolve(room);
      chat.emit("room", room);
    }
    chat.outbox.flush(room.room);
  }
  // hear takes a live entry.
  hear(entry) {
    const room = this.byName.get(entry.room);
    if ((room == null ? void 0 : room.entered) && this.take(room, entry)) room.unread++;
  }
  // take passes an entry on, if it is the next. What has been there is ignored;
  // behind a hole the room is asked for what is missing.
  take(room, entry) {
    if (entry.seq > room.seq + 1) this.ask(room);
    if (entry.seq !== room.seq + 1) return false;
    this.chat.outbox.recognize(entry);
    room.seq = entry.seq;
    if (entries.includes(entry.type)) this.chat.emit(entry.type, entry);
    return true;
  }
  // turnedAway gives a room up, or comes back when the server says. A room that
  // one is in stays as it was when its next page is refused.
  turnedAway(room, { type, code, message, retry }) {
    if (retry === false) {
      this.forget(room, { code, message, retry });
      this.chat.outbox.giveUp(room.room, { code, message });
    } else {
      if (type !== "error") room.entered = room.live = false;
      room.again.set(retry, () => this.ask(room));
      if (room.entered) return;
    }
    this.chat.emit("removed", { room: room.room, code, message, retry });
  }
  removed(frame) {
    const room = this.byName.get(frame.room);
    if (room) this.turnedAway(room, frame);
  }
  forget(room, refusal) {
    this.byName.delete(room.room);
    room.again.clear();
    room.live = false;
    for (const outcome of room.joined.splice(0)) outcome.reject(refusal);
  }
  // lost is called when a connection is over.
  lost() {
    for (const room of this.byName.values()) {
      room.entered = room.live = room.asking = false;
      room.again.clear();
    }
  }
  clear() {
    for (const room of [...this.byName.values()]) this.forget(room, { code: "left", message: "the user was forgotten" });
  }
  has(room) {
    return this.byName.get(room.room) === room;
  }
};
var entries = ["message", "recalled", "notice"];

// core/store.js
var Store = class {
  constructor(storage, url, failed) {
    this.storage = storage;
    this.prefix = `caddy-chat ${url.split("?")[0]} `;
    this.failed = failed;
  }
  // get returns undefined where there is nothing.
  get(name) {
    return this.attempt(() => {
      var _a;
      return (_a = this.storage) == null ? void 0 : _a.getItem(this.prefix + name);
    }) || void 0;
  }
  // set keeps text; an empty one is removed.
  set(name, text) {
    this.attempt(() => {
      var _a, _b;
      if (text) (_a = this.storage) == null ? void 0 : _a.setItem(this.prefix + name, text);
      else (_b = this.storage) == null ? void 0 : _b.removeItem(this.prefix + name);
    });
  }
  attempt(access) {
    try {
      return access();
    } catch (cause) {
      this.failed(cause);
    }
  }
};

// core/client.js
var shortest = 500;
var longest2 = 2e4;
var typingEvery = 3e3;
var helloRooms = 48 * 1024;
var fresh = 3e3;
var Client = class extends Emitter {
  constructor({ url, transport, storage, watch, token, device, name, avatar, clock }) {
    super();
    this.url = url;
    this.transport = transport;
    this.watch = watch;
    this.askToken = typeof token === "string" ? () => token : token;
    this.name = name;
    this.avatar = avatar;
    this.clock = { ...system, ...clock };
    this.device = device != null ? device : randomKey(this.clock.random);
    this.wanted = false;
    this.reason = void 0;
    this.suspended = false;
    this.resuming = false;
    this.told = "offline";
    this.online = [];
    this.failures = 0;
    this.wait = 0;
    this.endedAt = 0;
    this.again = new Timer(this.clock);
    this.typed = /* @__PURE__ */ new Map();
    this.store = new Store(storage, url, (cause) => this.storageFailed(cause));
    this.token = void 0;
    this.refusal = void 0;
    this.places = new Rooms(this);
    this.outbox = new Outbox(this);
  }
  get state() {
    if (!this.wanted) return this.reason ? "closed" : "offline";
    if (this.suspended) return "suspended";
    if (!this.link) return "offline";
    return this.link.welcomed ? "online" : "connecting";
  }
  // rooms are the rooms that the user is in or wants to be in, by name.
  get rooms() {
    return this.places.byName;
  }
  // connect goes online and stays so until close is called or the server says
  // that it is of no use.
  connect() {
    var _a, _b;
    const outcome = new Outcome();
    if (this.state === "online") {
      outcome.resolve(this.user);
      return outcome.promise;
    }
    this.online.push(outcome);
    if (!this.wanted) this.refusal = this.reason = void 0;
    this.wanted = true;
    (_b = this.unwatch) != null ? _b : this.unwatch = (_a = this.watch) == null ? void 0 : _a.call(this, this);
    if (this.suspended) this.resume();
    else if (!this.link) this.openSoon();
    return outcome.promise;
  }
  close() {
    var _a;
    this.stop({ code: "closed", message: "close was called" });
    (_a = this.unwatch) == null ? void 0 : _a.call(this);
    this.unwatch = void 0;
  }
  // forget ends the conversation and leaves nothing of the user behind.
  forget() {
    this.close();
    this.outbox.clear();
    this.places.clear();
    this.token = this.user = void 0;
    this.store.set("token", "");
  }
  // suspend is for an app that goes to the background. Its connection may last
  // for a while, and isn't missed when it ends.
  suspend() {
    var _a;
    if (!this.wanted) return;
    this.suspended = true;
    this.resuming = false;
    this.again.clear();
    (_a = this.link) == null ? void 0 : _a.rest();
    this.changed();
  }
  // resume is for an app that comes back.
  resume() {
    var _a;
    if (this.suspended && !((_a = this.link) == null ? void 0 : _a.welcomed)) {
      this.suspended = false;
      this.drop();
      this.openSoon();
    } else {
      this.resuming = this.suspended;
      this.check();
    }
  }
  // check is for when the connection may have suffered, as when the phone has
  // changed networks: what doesn't answer soon is opened anew.
  check() {
    if (!this.wanted || this.suspended && !this.resuming) return;
    const { link } = this;
    if (link == null ? void 0 : link.welcomed) return link.probe();
    if (link && this.clock.now() - link.since < fresh) return;
    this.drop();
    this.openSoon();
  }
  join(room, place) {
    return this.places.join(room, place);
  }
  leave(room) {
    return this.places.leave(room);
  }
  // send says something in a room, now or when the client is online again.
  send(room, body, { key } = {}) {
    return this.outbox.send(room, body, key);
  }
  retry(key) {
    return this.outbox.retry(key);
  }
  discard(key) {
    this.outbox.discard(key);
  }
  history(room, { before, after, limit } = {}) {
    return this.request("history", { room, before, after, limit }, (page) => {
      for (const entry of page.entries) this.outbox.recognize(entry);
    });
  }
  recall(room, seq) {
    return this.request("recall", { room, seq });
  }
  read(room, seq) {
    return this.request("read", { room, seq }, (answer) => this.marked(answer));
  }
  // typing may be called with each letter.
  typing(room) {
    var _a, _b;
    const now = this.clock.now();
    if (!((_a = this.rooms.get(room)) == null ? void 0 : _a.entered) || now - ((_b = this.typed.get(room)) != null ? _b : -Infinity) < typingEvery) return;
    this.typed.set(room, now);
    this.link.tell("typing", { room });
  }
  who(room) {
    return this.request("who", { room });
  }
  renew(token) {
    return this.request("renew", { token }, () => {
      this.token = token;
    });
  }
  // request says any command and returns its answer. It is not repeated: where
  // the connection is lost meanwhile, it may or may not have been carried out.
  // note, if given, sees the answer first.
  request(type, fields, note) {
    var _a;
    const outcome = new Outcome();
    if ((_a = this.link) == null ? void 0 : _a.welcomed) {
      this.link.ask(type, fields, (answer) => {
        if (answer.type === "error") return outcome.reject(answer);
        note == null ? void 0 : note(answer);
        outcome.resolve(answer);
      });
    } else {
      outcome.reject({ code: "offline", message: "there is no connection", retry: 0 });
    }
    return outcome.promise;
  }
  // openSoon opens a connection, at once unless a goodbye asked to wait.
  openSoon() {
    const wait = Math.min(this.wait, this.endedAt + this.wait - this.clock.now());
    if (wait <= 0) return this.open();
    this.again.set(wait, () => this.open());
    this.changed({ retry: wait });
  }
  open() {
    var _a;
    this.again.clear();
    this.drop();
    const link = new Link(this.clock, {
      open: () => this.greet(link),
      frame: (frame) => this.hear(frame),
      alive: () => this.alive(),
      end: (reason) => this.ended(link, reason)
    });
    this.link = link;
    this.changed();
    (_a = this.token) != null ? _a : this.token = this.askToken ? void 0 : this.store.get("token");
    if (this.token || !this.askToken) link.open(this.transport, this.url);
    else this.fetchToken(link);
  }
  // fetchToken asks the app for the token. Without one the user is a guest.
  async fetchToken(link) {
    try {
      const token = await this.askToken(this.refusal);
      this.token = token || this.store.get("token");
    } catch (cause) {
      this.tokenFailed(cause);
      return link.end(lost);
    }
    link.open(this.transport, this.url);
  }
  greet(link) {
    const { token, device, name, avatar } = this;
    let rooms = this.places.places();
    while (exceeds(encode(rooms), helloRooms)) rooms = rooms.slice(0, rooms.length / 2);
    link.ask("hello", { token, device, name, avatar, rooms }, (answer) => {
      var _a, _b;
      if (answer.type === "welcome") return this.welcome(link, answer);
      const [, i] = (_a = /^rooms\[(\d+)]/.exec(answer.field)) != null ? _a : [];
      const room = i && this.rooms.get((_b = rooms[i]) == null ? void 0 : _b.room);
      if (!room) return link.end(answer);
      this.places.turnedAway(room, { ...answer, retry: false });
      if (!link.over) this.greet(link);
    });
  }
  welcome(link, frame) {
    link.welcome(frame);
    this.failures = this.wait = 0;
    this.refusal = void 0;
    this.user = frame.user;
    this.session = frame.session;
    this.limits = frame.limits;
    if (frame.token) {
      this.token = frame.token;
      this.store.set("token", frame.token);
    }
    this.outbox.claim(frame.user.id);
    for (const outcome of this.online.splice(0)) outcome.resolve(frame.user);
    this.changed();
    this.places.welcome(link, frame.rooms);
  }
  alive() {
    if (this.resuming) this.suspended = this.resuming = false;
    this.changed();
  }
  // drop gives up the connection, if there is one.
  drop() {
    const { link } = this;
    if (!link) return;
    this.link = void 0;
    this.places.lost();
    this.outbox.lost();
    link.end(lost);
  }
  // ended decides whether to come back after the end of a connection, and when.
  ended(link, reason) {
    if (this.link !== link) return;
    this.drop();
    this.endedAt = this.clock.now();
    this.wait = reason.retry || 0;
    if (reason.retry === false && !this.mayRenew(reason)) return this.stop(reason);
    if (this.resuming) this.suspended = this.resuming = false;
    const wait = this.wait + this.clock.random() * Math.min(longest2, shortest * 2 ** this.failures++);
    if (!this.suspended) this.again.set(wait, () => this.open());
    this.changed({ code: reason.code, message: reason.message, retry: wait });
  }
  // mayRenew tells whether another token may help. The app is asked for one, once.
  mayRenew({ code }) {
    if (code !== "bad_token" && code !== "expired") return false;
    const first = !this.refusal;
    this.refusal = code;
    this.token = void 0;
    return Boolean(this.askToken && first);
  }
  // stop ends the conversation until connect is called.
  stop({ code, message }) {
    this.wanted = this.suspended = this.resuming = false;
    this.reason = { code, message, retry: false };
    this.wait = 0;
    this.again.clear();
    this.drop();
    this.outbox.releaseAll();
    for (const outcome of this.online.splice(0)) outcome.reject(this.reason);
    this.changed(this.reason);
  }
  // changed tells the listeners when the state has become another.
  changed(why) {
    const { state } = this;
    if (state === this.told) return;
    this.told = state;
    this.emit("state", { state, ...why });
  }
  // hear takes a frame that answers nothing.
  hear(frame) {
    const { type } = frame;
    if (heard[type]) heard[type](this, frame);
    else if (frame.room && frame.seq && frame.at) this.places.hear(frame);
  }
  // marked takes where the user's read mark stands now. The server may have
  // counted entries that are still on their way.
  marked(frame) {
    const room = this.rooms.get(frame.room);
    if (!room) return;
    room.read = frame.seq;
    room.unread = Math.min(frame.unread, Math.max(0, room.seq - frame.seq));
    this.emit("read", { room: room.room, seq: room.read, unread: room.unread });
  }
  async expiring(frame) {
    var _a;
    this.emit("expiring", frame);
    try {
      const token = await ((_a = this.askToken) == null ? void 0 : _a.call(this, "expiring"));
      if (token) await this.renew(token);
    } catch (cause) {
      this.tokenFailed(cause);
    }
  }
  tokenFailed(cause) {
    this.emit("error", new ChatError({ code: "no_token", message: `no token: ${cause == null ? void 0 : cause.message}`, retry: 0 }));
  }
  // storageFailed tells that what is kept will not outlive the app. It is told
  // late, so that whoever made the client can listen first.
  async storageFailed(cause) {
    await void 0;
    this.emit("error", new ChatError({ code: "storage", message: `storage: ${cause == null ? void 0 : cause.message}` }));
  }
};
var heard = {
  __proto__: null,
  // the server names the key
  bye: (chat, frame) => chat.link.end(frame),
  error: (chat, frame) => chat.emit("error", new ChatError(frame)),
  expiring: (chat, frame) => chat.expiring(frame),
  removed: (chat, frame) => chat.places.removed(frame),
  read: (chat, frame) => chat.marked(frame),
  typing: (chat, frame) => chat.emit("typing", frame),
  muted(chat, frame) {
    if (frame.for === 0) chat.outbox.releaseAll();
    chat.emit("muted", frame);
  },
  presence(chat, frame) {
    const room = chat.rooms.get(frame.room);
    if (!room) return;
    room.members = frame.members;
    chat.emit("presence", frame);
  }
};

// core/timeline.js
var Timeline = class {
  constructor(chat, room, change = () => {
  }) {
    this.chat = chat;
    this.room = room;
    this.change = change;
    this.reset();
    this.items = chat.outbox.messages.filter((message) => message.room === room).map((message) => this.own(message));
    const here = (listener) => (event) => {
      if (event.room === room) listener(event);
    };
    this.listening = [
      chat.on("message", here((entry) => this.hear(entry))),
      chat.on("notice", here((entry) => this.hear(entry))),
      chat.on("recalled", here((entry) => this.hear(entry))),
      chat.on("outbox", here((message) => this.follow(message))),
      chat.on("room", here((room2) => this.settle(room2))),
      chat.on("gap", here(() => this.begin()))
    ];
  }
  close() {
    for (const stop of this.listening) stop();
  }
  // more tells whether there may be older messages to load.
  get more() {
    return !this.complete && this.first !== 1;
  }
  // older loads the page before the oldest item, and resolves to how many items
  // it brought.
  async older(limit) {
    var _a, _b, _c, _d;
    const { life, first: before } = this;
    const page = await this.chat.history(this.room, { before, limit });
    const known = (_a = this.chat.rooms.get(this.room)) == null ? void 0 : _a.epoch;
    if (life !== this.life || known !== void 0 && known !== page.epoch) return 0;
    (_b = this.epoch) != null ? _b : this.epoch = page.epoch;
    if (this.epoch !== page.epoch) {
      this.begin();
      return 0;
    }
    const newest = (_d = (_c = page.entries.at(-1)) == null ? void 0 : _c.seq) != null ? _d : (before != null ? before : 1) - 1;
    if (newest < this.first - 1) return 0;
    this.complete = !page.more;
    const had = this.placed;
    for (const entry of page.entries.reverse()) this.place(entry);
    return this.placed - had;
  }
  // trim forgets the oldest numbered items but for the newest keep.
  trim(keep) {
    const excess = this.placed - keep;
    if (excess <= 0) return;
    this.placed = keep;
    this.life = {};
    this.complete = false;
    this.first = keep ? this.items[excess].seq : void 0;
    this.splice(0, excess, []);
  }
  // enter is told which entry comes next in the room. The first since the room was
  // entered need not follow what the list has, the others do.
  enter(seq) {
    const room = this.chat.rooms.get(this.room);
    if (!room) return;
    if (this.entered !== room) {
      this.entered = room;
      const follows = this.epoch === room.epoch && seq <= this.last + 1;
      if (this.first === void 0 && !this.complete) this.drop(() => true);
      else if (!follows) this.begin();
    }
    this.epoch = room.epoch;
  }
  // hear takes an entry from the room.
  hear(entry) {
    this.enter(entry.seq);
    if (entry.type === "recalled") this.recall(entry);
    else this.place(entry);
  }
  // place puts an entry where it belongs, once.
  place(entry) {
    const { type, seq } = entry;
    this.pass(seq);
    if (type !== "message" && type !== "notice") return;
    let i = this.placed;
    while (i > 0 && this.items[i - 1].seq > seq) i--;
    if (i > 0 && this.items[i - 1].seq === seq) return;
    const item = this.numbered(entry);
    const waiting = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id);
    this.placed++;
    if (waiting === i) return this.splice(i, 1, [item]);
    if (waiting >= 0) this.splice(waiting, 1, []);
    this.splice(i, 0, [item]);
  }
  recall({ seq, target }) {
    this.pass(seq);
    this.recalled.add(target);
    const i = this.items.findIndex((item, j) => j < this.placed && item.seq === target);
    if (i >= 0) this.splice(i, 1, [{ ...this.items[i], body: void 0, recalled: true }]);
  }
  // follow takes the fate of one of the user's own messages.
  follow(message) {
    const item = this.own(message);
    const i = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id);
    const { state, seq } = message;
    const gone = state === "discarded" || state === "sent" && this.passed(seq);
    const last = this.items.length - 1;
    if (i < 0) {
      if (state === "sending" || state === "failed") this.splice(last + 1, 0, [item]);
    } else if (gone) {
      this.splice(i, 1, []);
    } else if (state === "sending" && i < last) {
      this.splice(i, 1, []);
      this.splice(last, 0, [item]);
    } else {
      this.splice(i, 1, [item]);
    }
  }
  // settle drops what was sent and lies among the older messages.
  settle(room) {
    this.enter(room.seq + 1);
    this.drop(({ seq }) => this.passed(seq));
  }
  // begin starts again where what comes does not follow what is there, which may
  // be wrong.
  begin() {
    const { placed } = this;
    this.reset();
    this.splice(0, placed, []);
    this.drop(() => true);
  }
  reset() {
    this.life = {};
    this.placed = 0;
    this.first = void 0;
    this.last = 0;
    this.epoch = void 0;
    this.complete = false;
    this.recalled = /* @__PURE__ */ new Set();
  }
  pass(seq) {
    var _a;
    this.first = Math.min(seq, (_a = this.first) != null ? _a : seq);
    this.last = Math.max(seq, this.last);
  }
  passed(seq) {
    var _a;
    return seq <= ((_a = this.chat.rooms.get(this.room)) == null ? void 0 : _a.seq);
  }
  drop(goes) {
    for (let i = this.items.length - 1; i >= this.placed; i--) {
      if (this.items[i].state === "sent" && goes(this.items[i])) this.splice(i, 1, []);
    }
  }
  numbered({ type, seq, at, from, key, body, recalled = this.recalled.has(seq) }) {
    var _a;
    const own = from !== void 0 && from.id === ((_a = this.chat.user) == null ? void 0 : _a.id);
    const item = { id: own && key ? `key ${key}` : `seq ${seq}`, type, seq, at, from, own, key, body, recalled, state: "sent" };
    if (recalled) item.body = void 0;
    return item;
  }
  own({ key, seq, at, body, state, code }) {
    return { id: `key ${key}`, type: "message", seq, at, from: this.chat.user, own: true, key, body, recalled: false, state, code };
  }
  splice(index, removed, added) {
    if (!removed && !added.length) return;
    this.items.splice(index, removed, ...added);
    this.change(index, removed, added);
  }
};

// core/platforms/sockettask.js
function miniProgram(api, connect) {
  return {
    transport: (url, protocols, on) => lend(connect({ url, protocols, fail: on.error }), on),
    storage: {
      getItem: (name) => api.getStorageSync(name),
      setItem: (name, text) => api.setStorageSync(name, text),
      removeItem: (name) => api.removeStorageSync(name)
    },
    watch(chat) {
      const show = () => chat.resume();
      const hide = () => chat.suspend();
      const check = () => chat.check();
      api.onAppShow(show);
      api.onAppHide(hide);
      api.onNetworkStatusChange(check);
      return () => {
        api.offAppShow(show);
        api.offAppHide(hide);
        api.offNetworkStatusChange(check);
      };
    }
  };
}
function lend(task, on) {
  if (task.then) {
    const socket = task.then((it) => lend(it, on));
    socket.catch(on.error);
    return {
      send: (text) => void socket.then((it) => it.send(text)).catch(on.error),
      close: () => void socket.then((it) => it.close()).catch(on.error)
    };
  }
  let closed = false;
  const close = () => task.close({ fail() {
  } });
  task.onOpen(() => closed ? close() : on.open());
  task.onMessage(({ data }) => on.message(data));
  task.onError(on.error);
  task.onClose(on.close);
  return {
    send: (data) => task.send({ data, fail: on.error }),
    close() {
      closed = true;
      close();
    }
  };
}

// core/wechat.js
function wechat() {
  return miniProgram(wx, (options) => wx.connectSocket(options));
}
