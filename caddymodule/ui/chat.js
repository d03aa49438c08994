import'./chat-LJUTWZNN.js';import'./chunk-MRMKZQ43.js';import'./chunk-SDOSUXGY.js';
