import'./chat-SNW3MIV6.js';import'./chunk-MRMKZQ43.js';import'./chunk-SDOSUXGY.js';
