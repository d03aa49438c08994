import'./chat-5R3HK2DJ.js';import'./chunk-MRMKZQ43.js';import'./chunk-SDOSUXGY.js';
