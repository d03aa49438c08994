import'./chat-6FBZECFA.js';import'./chunk-YVBZFFN7.js';
