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

// list.js
var list_exports = {};
__export(list_exports, {
  list: () => list
});
module.exports = __toCommonJS(list_exports);

// timer.js
var lateAfter = 5e3;
var maxDelay = 2 ** 31 - 1;
var Timer = class {
  constructor(clock) {
    this.clock = clock;
  }
  // set calls run(late) after delay milliseconds. late is true if the app was
  // suspended in the meantime. What is no time counts as a minute.
  set(delay, run) {
    this.clear();
    if (!(delay > 0 || delay === 0)) delay = 6e4;
    const wait = Math.min(delay, maxDelay);
    if (wait !== delay) {
      this.handle = this.clock.setTimeout(() => this.set(delay - wait, run), wait);
      return;
    }
    const due = this.clock.now() + wait;
    this.handle = this.clock.setTimeout(() => {
      this.handle = void 0;
      run(this.clock.now() - due > lateAfter);
    }, wait);
  }
  clear() {
    this.clock.clearTimeout(this.handle);
    this.handle = void 0;
  }
};

// link.js
var lost = { code: "lost", message: "the connection was lost", retry: 0 };
function demand(condition) {
  if (!condition) throw new TypeError("a field");
}

// rooms.js
var infoFields = ["title", "avatar", "about", "closed"];
var stateFields = ["last", "members", "read", "unread", "write", "moderate", "role", "size", "with", "pins", ...infoFields];
var isNumber = (n) => Number.isSafeInteger(n) && n > 0;
var isText = (text) => typeof text === "string";
var isTag = ({ tag, value, users, some }) => isText(tag) && (users === void 0 ? value !== void 0 : isNumber(users) && some.every(isText));
function checkEntry({ type, seq, at, from, reply = 1, mentions = [], edited = 1, tags = [], target, tag, value, shared, role, users }) {
  demand(isNumber(seq) && isNumber(at));
  if (type === "message") demand(isText(from.id) && [reply, edited].every(isNumber) && mentions.every(isText) && tags.every(isTag));
  if (/^(edited|tagged|recalled)$/.test(type)) demand(isNumber(target));
  if (type === "tagged" && tag !== void 0) demand(isText(tag) && value !== void 0 && (shared || isText(from.id)));
  if (type === "member") demand(role && users.every(({ id }) => isText(id)));
}

// list.js
var list = ({ limit } = {}) => (chat) => makeList(chat, limit);
function makeList(chat, limit) {
  const maxRooms = 100;
  const again = 6e4;
  const rows = /* @__PURE__ */ new Map();
  const heads = /* @__PURE__ */ new Map();
  const unsure = /* @__PURE__ */ new Set();
  const ahead = /* @__PURE__ */ new Set();
  const waiting = /* @__PURE__ */ new Set();
  const retry = new Timer(chat.clock);
  const refresh = new Timer(chat.clock);
  let at;
  let user;
  let next;
  let live = false;
  let beyond = 0;
  let asking = false;
  let loading;
  let drawn;
  const draw = () => {
    if (drawn) return drawn;
    const all = [...rows.values()].sort((a, b) => b.top - a.top || b.at - a.at || (a.room < b.room ? -1 : 1));
    return drawn = { rows: all.filter(({ hidden }) => !hidden), hidden: all.filter(({ hidden }) => hidden) };
  };
  chat.list = {
    get rows() {
      return draw().rows;
    },
    get hidden() {
      return draw().hidden;
    },
    get unread() {
      return sum() + beyond;
    },
    get complete() {
      return at !== void 0 && next === void 0;
    },
    get live() {
      return live;
    },
    get: (room) => rows.get(room),
    more() {
      if (loading || !next) return loading != null ? loading : Promise.resolve(0);
      const had = rows.size;
      const end = () => loading = void 0;
      const page = ask({ next, limit }, (answer) => {
        next = answer.next;
        if (!next) beyond = 0;
        changed();
      });
      loading = page.then(() => rows.size - had);
      loading.then(end, end);
      return loading;
    }
  };
  const part = {
    // hello is what hello asks for.
    hello: () => ({ since: at, limit }),
    // welcome takes the list of a welcome: all of it, or what has changed since the last one.
    welcome(answer) {
      if (!answer) return;
      demand(answer.at && answer.rows.length >= 0);
      answer.rows.forEach(check);
      if (answer.all) {
        part.forget();
        next = answer.next;
      } else if (user !== chat.user.id) {
        part.forget();
        return chat.connection.renew();
      }
      at = answer.at;
      user = chat.user.id;
      for (const room of ahead) unsure.add(room);
      ahead.clear();
      for (const row of answer.rows) take(row);
      if (next && answer.all) beyond = Math.max(0, answer.unread - sum());
      live = answer.live === true;
      if (!live) refreshLater();
      lookUp();
      changed();
    },
    // receive takes a row or a head.
    receive(frame) {
      var _a;
      const { type, room } = frame;
      if (type === "row") {
        check(frame);
        for (const newer of waiting) newer.add(room);
        take(frame);
        chat.emit("row", (_a = rows.get(room)) != null ? _a : { room, gone: true });
      } else {
        checkShared(frame);
        const row = rows.get(room);
        if (!row) {
          const head = heads.get(room);
          if (!((head == null ? void 0 : head.last) >= frame.last)) heads.set(room, { ...head, ...frame.entry && { cut: void 0 }, ...frame });
          unsure.add(room);
          return lookUp();
        }
        if (frame.last <= row.last) return;
        chat.emit("head", put(withHead(row, frame)));
      }
      changed();
    },
    linkLost() {
      live = asking = false;
      for (const room of unsure) if (rows.has(room)) ahead.add(room);
      retry.clear();
      refresh.clear();
      waiting.clear();
      heads.clear();
      unsure.clear();
    },
    forget() {
      for (const known of [rows, ahead, heads, unsure]) known.clear();
      at = next = void 0;
      beyond = 0;
      drawn = void 0;
    }
  };
  chat.on("read", ({ room, seq, unread }) => {
    const row = rows.get(room);
    if (!row || seq <= row.read) return;
    ahead.add(room);
    chat.emit("row", put(setRead({ ...row }, seq, seq < row.last ? Math.min(unread, row.unread) : 0)));
    changed();
  });
  function ask(fields, done) {
    const newer = /* @__PURE__ */ new Set();
    waiting.add(newer);
    const answered = chat.request("list", fields, (answer) => {
      answer.rows.forEach(check);
      for (const row of answer.rows) if (!newer.has(row.room)) take(row);
      done(answer);
    });
    const end = () => waiting.delete(newer);
    answered.then(end, end);
    return answered;
  }
  function lookUp() {
    var _a;
    if (asking || retry.handle || !unsure.size || !((_a = chat.link) == null ? void 0 : _a.welcomed)) return;
    const rooms = [...unsure].slice(0, maxRooms);
    const done = (answer) => {
      asking = false;
      if (!(answer == null ? void 0 : answer.more) || !answer.rows.length) {
        for (const room of rooms) {
          unsure.delete(room);
          heads.delete(room);
        }
      }
      lookUp();
      changed();
    };
    asking = true;
    ask({ rooms }, done).catch((refusal) => {
      if (refusal.code === lost.code) return;
      if (refusal.retry === false) return done();
      asking = false;
      retry.set(refusal.retry, lookUp);
    });
  }
  function refreshLater() {
    refresh.set(again, () => {
      refreshLater();
      ask({ limit }, changed);
    });
  }
  function take(given) {
    const { room } = given;
    const { type, ...row } = given;
    const known = rows.get(room);
    const head = heads.get(room);
    heads.delete(room);
    unsure.delete(room);
    if (row.gone || row.with && !row.count) {
      rows.delete(room);
      ahead.delete(room);
      return;
    }
    if (!known && next) beyond = Math.max(0, beyond - share(row));
    if ((known == null ? void 0 : known.epoch) !== row.epoch) {
      ahead.delete(room);
      put(head ? withHead(row, head) : row);
      return;
    }
    const { last, at: at2, count, entry, cut, title, avatar, closed, size } = known;
    const merged = last > row.last ? withHead(row, { last, at: at2, count, ...entry && { entry, cut }, title, avatar, closed, size }) : row;
    if (known.read > row.read && ahead.has(room)) {
      setRead(merged, known.read, known.read < merged.last ? Math.min(known.unread + Math.max(0, merged.count - count), merged.unread) : 0);
    } else {
      ahead.delete(room);
    }
    put(merged);
  }
  function withHead(row, { type, ...head }) {
    var _a;
    if (head.last <= row.last) return row;
    const merged = { ...row, ...head };
    const { entry, last, count } = merged;
    if (head.entry && !head.cut) delete merged.cut;
    for (const name of ["title", "avatar", "closed"]) if (!merged[name]) delete merged[name];
    const more = count - row.count;
    if (more > 0) {
      delete merged.hidden;
      merged.unread += more;
    }
    if (more > 0 && ((_a = entry == null ? void 0 : entry.from) == null ? void 0 : _a.id) === chat.user.id && entry.type === "message" && !entry.via && entry.seq > row.read) {
      setRead(merged, entry.seq, 0);
      ahead.add(row.room);
    } else if (last <= row.read) {
      merged.unread = 0;
    }
    return merged;
  }
  function put(row) {
    rows.set(row.room, row);
    return row;
  }
  function changed() {
    drawn = void 0;
    chat.emit("list", chat.list);
  }
  function sum() {
    let unread = 0;
    for (const row of rows.values()) unread += share(row);
    return unread;
  }
  return part;
}
function setRead(row, read, unread) {
  if (row.mention <= read) delete row.mention;
  return Object.assign(row, { read, unread });
}
var share = ({ notify, hidden, unread }) => notify && !hidden ? unread : 0;
var isCount = (n) => n === 0 || isNumber(n);
function checkShared({ room, last, at, count, entry }) {
  demand(room && isText(room) && isNumber(at) && isCount(last) && isCount(count));
  if (entry) checkEntry(entry);
}
function check(row) {
  if (row.gone) return demand(isText(row.room));
  checkShared(row);
  demand(row.epoch && isCount(row.read) && isCount(row.unread) && (!row.with || isText(row.with.id)));
}
