import'./chat-BZVKA2X5.js';import'./chunk-JLGO5YK7.js';
