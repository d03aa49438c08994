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

// node.js
var node_exports = {};
__export(node_exports, {
  node: () => node
});
module.exports = __toCommonJS(node_exports);

// platforms/websocket.js
function adaptWebSocket(socket, on) {
  socket.onopen = () => on.open(socket.protocol);
  socket.onmessage = ({ data }) => on.message(data);
  socket.onerror = on.error;
  socket.onclose = on.close;
  return {
    send: (text) => socket.send(text),
    close: () => socket.close()
  };
}

// node.js
function node(Socket = globalThis.WebSocket, options = void 0) {
  if (!Socket) throw new TypeError("this Node has no WebSocket: use Node 22, or node(WebSocket) with that of the package ws");
  return {
    transport: (url, protocols, on) => adaptWebSocket(new Socket(url, protocols, options), on)
  };
}
