import'./chat-JHWERPL3.js';import'./chunk-MRMKZQ43.js';import'./chunk-SDOSUXGY.js';
