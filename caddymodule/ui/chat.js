import'./chat-EWYEKCAD.js';import'./chunk-5HAN7XBD.js';import'./chunk-SDOSUXGY.js';
