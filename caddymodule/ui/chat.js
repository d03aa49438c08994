import'./chat-3F6LCAB2.js';import'./chunk-FLQGXYXI.js';
