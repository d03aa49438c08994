// Generated from clients/web by `make page`.
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
  groups: () => groups,
  hue: () => hue,
  initials: () => initials,
  nameOf: () => nameOf,
  pictureOf: () => pictureOf,
  textOf: () => textOf
});
module.exports = __toCommonJS(stdin_exports);

// web/dates.js
var midnight = (at) => new Date(at).setHours(0, 0, 0, 0);
var sameDay = (a, b) => midnight(a) === midnight(b);

// web/text.js
var names = /* @__PURE__ */ new Map();
var maxNames = 1e3;
function nameOf(user) {
  var _a, _b;
  const { id, name } = user != null ? user : {};
  if (!name) return (_b = (_a = names.get(id)) != null ? _a : id) != null ? _b : "?";
  if (names.size === maxNames) names.clear();
  names.set(id, name);
  return name;
}
function initials(user) {
  var _a, _b;
  const words = nameOf(user).replace(/^guest-/, "").split(/[\s._-]+/).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0]);
  return (/^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]/u.test((_a = letters[0]) != null ? _a : "") ? letters.join("") : (_b = letters[0]) != null ? _b : "?").toLocaleUpperCase();
}
function hue(user) {
  var _a;
  let sum = 0;
  for (const letter of (_a = user == null ? void 0 : user.id) != null ? _a : "") sum = (sum * 31 + letter.codePointAt(0)) % 4096;
  return sum % 8;
}
function pictureOf(user) {
  return typeof (user == null ? void 0 : user.avatar) === "string" && /^https?:\/\/\S+$/i.test(user.avatar) ? user.avatar : void 0;
}
function textOf(body) {
  var _a;
  if (typeof body === "string") return body;
  if (typeof (body == null ? void 0 : body.text) === "string") return body.text;
  return (_a = JSON.stringify(body)) != null ? _a : "";
}

// web/groups.js
var together = 5 * 6e4;
function groups(item, before) {
  var _a, _b;
  return (before == null ? void 0 : before.type) === "message" && item.type === "message" && before.own === item.own && ((_a = before.from) == null ? void 0 : _a.id) === ((_b = item.from) == null ? void 0 : _b.id) && nameOf(before.from) === nameOf(item.from) && item.at - before.at < together && sameDay(item.at, before.at);
}
